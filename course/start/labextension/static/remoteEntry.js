// JupyterLab's part of the course: the tab "Course", a button in each notebook that leads back to
// it, and a warning on notebooks that run on live Azure.
//
// A prebuilt extension without a build: JupyterLab loads this script, calls `init` with the modules
// that it shares, and `get` for the plugin. Nothing else of a bundler is needed.
// https://webpack.js.org/concepts/module-federation/#dynamic-remote-containers
"use strict";

(() => {
  const NAME = "deploying-models-on-azure";
  const PAGE = "course-start";
  const COMMAND = "course:start";
  const OPEN_PANEL = "server-proxy:open"; // jupyter-server-proxy's
  const LIVE = "azure-live";
  const REFRESH = 3000; // milliseconds, while the page can be seen

  const NARROW = 700; // pixels of a window in which page and file browser have no room together

  const HOUSE = '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
    '<path class="jp-icon3" fill="#616161" d="M12 3 2 12h3v9h5v-6h4v6h5v-9h3z"/></svg>';

  let shared;

  /** Return a module that JupyterLab shares, such as "@lumino/widgets". */
  async function load(name) {
    const [version] = Object.values(shared[name]);
    return (await version.get())();
  }

  async function loadAll() {
    const names = {
      application: "@jupyterlab/application",
      apputils: "@jupyterlab/apputils",
      coreutils: "@jupyterlab/coreutils",
      docmanager: "@jupyterlab/docmanager",
      launcher: "@jupyterlab/launcher",
      services: "@jupyterlab/services",
      ui: "@jupyterlab/ui-components",
      widgets: "@lumino/widgets",
    };
    const found = {};
    for (const [key, name] of Object.entries(names)) {
      found[key] = await load(name);
    }
    found.icon = new found.ui.LabIcon({ name: `${NAME}:house`, svgstr: HOUSE });
    return found;
  }

  function addStyle() {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = new URL("start.css", script).href;
    document.head.append(style);
  }
  const script = document.currentScript.src;

  /** Ask the server; return the answer's text. Throws an Error with a sentence for the learner. */
  async function ask(lab, path, request = {}) {
    const { ServerConnection } = lab.services;
    const settings = ServerConnection.makeSettings();
    const url = lab.coreutils.URLExt.join(settings.baseUrl, "course", path);
    let answer;
    try {
      answer = await ServerConnection.makeRequest(url, request, settings);
    } catch {
      throw new Error("Jupyter's server does not answer. Is it still running?");
    }
    const text = await answer.text();
    if (!answer.ok) {
      let reason;
      try {
        reason = JSON.parse(text).message;
      } catch {
        reason = answer.statusText;
      }
      throw new Error(reason);
    }
    return text;
  }

  /** The page: what the server renders, and what its links and buttons do. */
  function startPage(lab, app, documents) {
    const content = document.createElement("div");
    const message = document.createElement("p");
    message.className = "course-message";
    message.setAttribute("role", "status");
    let html = "";
    let busy = false;

    const widget = new lab.widgets.Widget();
    widget.id = PAGE;
    widget.addClass("course-start");
    widget.title.label = "Course";
    widget.title.caption = "Deploying Models on Azure: lessons, progress, local Azure";
    widget.title.icon = lab.icon;
    widget.title.closable = true;
    widget.node.tabIndex = -1;
    widget.node.append(message, content);

    function say(text, failed = false) {
      message.textContent = text;
      message.classList.toggle("course-failed", failed);
    }

    /** Show what the server has now. What had the focus has it still. */
    async function refresh() {
      const now = await ask(lab, "start");
      if (now === html || widget.isDisposed) {
        return;
      }
      const focused = content.contains(document.activeElement) ? document.activeElement.id : "";
      html = now;
      content.innerHTML = now;
      if (focused) {
        (document.getElementById(focused) ?? widget.node).focus();
      }
    }

    async function tryRefresh() {
      if (busy || !widget.isVisible || document.visibilityState !== "visible") {
        return;
      }
      try {
        await refresh();
        if (message.classList.contains("course-failed") && message.dataset.from === "refresh") {
          say("");
        }
      } catch (error) {
        say(error.message, true);
        message.dataset.from = "refresh";
      }
    }

    /** Do something that takes a moment, with the buttons off, and tell how it ended. */
    async function doing(what, work) {
      busy = true;
      message.dataset.from = "action";
      say(what);
      content.setAttribute("aria-busy", "true");
      try {
        const told = await work();
        await refresh();
        say(told);
      } catch (error) {
        say(error.message, true);
      } finally {
        busy = false;
        content.removeAttribute("aria-busy");
      }
    }

    const azure = {
      start: ["Local Azure starts…", "Local Azure is running."],
      stop: ["Local Azure stops…", "Local Azure is stopped. What you made stays."],
      reset: ["Local Azure is being reset…", "Local Azure is empty, and running."],
    };

    async function changeAzure(action) {
      if (action === "reset") {
        const { Dialog, showDialog } = lab.apputils;
        const answer = await showDialog({
          title: "Reset local Azure?",
          body: "Everything in it is deleted: models, endpoints, containers. Your notebooks and " +
            "your progress stay.",
          buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: "Reset" })],
          defaultButton: 0,
        });
        if (!answer.button.accept) {
          return;
        }
      }
      const [during, after] = azure[action];
      const body = JSON.stringify({ do: action });
      await doing(during, async () => {
        await ask(lab, "azure", { method: "POST", body });
        return after;
      });
    }

    async function restore(number, path) {
      await doing(`Lesson ${number}…`, async () => {
        // What is open may hold more than the file: save it first, show the clean lesson after it.
        const open = documents.findWidget(path, "Notebook");
        const context = open && documents.contextForWidget(open);
        if (context?.model.dirty) {
          await context.save();
        }
        const { kept } = JSON.parse(
          await ask(lab, `lessons/${number}/restore`, { method: "POST" })
        );
        await context?.revert();
        const where = kept ? ` Yours is kept as ${kept}.` : "";
        return `Lesson ${number} is as new.${where}`;
      });
    }

    content.addEventListener("click", (event) => {
      const target = event.target.closest("a[data-open], a[data-panel], button");
      const panel = target?.dataset.panel;
      if (
        !target ||
        (target.tagName === "A" && (event.ctrlKey || event.metaKey)) ||
        (panel && !app.commands.hasCommand(OPEN_PANEL)) // then it is a link to a new tab
      ) {
        return;
      }
      event.preventDefault();
      const { open, factory, azure: action, restore: number, path } = target.dataset;
      if (panel) {
        const id = `server-proxy:${panel}`; // the tile's, so that there is one panel
        void app.commands.execute(OPEN_PANEL, { id, title: "Portal", url: target.href });
      } else if (open) {
        void app.commands.execute("docmanager:open", { path: open, factory });
      } else if (!busy && action) {
        void changeAzure(action);
      } else if (!busy && number) {
        void restore(number, path);
      }
    });

    widget.onAfterShow = tryRefresh;
    const timer = setInterval(tryRefresh, REFRESH);
    document.addEventListener("visibilitychange", tryRefresh);
    widget.disposed.connect(() => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tryRefresh);
    });
    return widget;
  }

  /** In a lesson of notebooks/, which cannot be saved, lead to the learner's own. */
  async function offerOwn(lab, app, context) {
    await context.ready;
    const name = context.path.split("/").pop();
    if (context.contentsModel?.writable !== false || !/(^|\/)notebooks\/\d\d-/.test(context.path)) {
      return;
    }
    const page = new DOMParser().parseFromString(await ask(lab, "start"), "text/html");
    const own = Array.from(page.querySelectorAll("a[data-open]"), (link) => link.dataset.open)
      .find((path) => path.endsWith(`/${name}`));
    if (!own) {
      return;
    }
    const callback = () => app.commands.execute("docmanager:open", { path: own });
    lab.apputils.Notification.info(
      "This is the lesson with its results, to read. You cannot save changes here.",
      { autoClose: false, actions: [{ label: "Open my own", callback }] }
    );
  }

  /** Put the button that leads to the page into each notebook, and mark those on live Azure. */
  function notebookParts(lab, app) {
    return {
      createNew: (panel, context) => {
        const back = new lab.ui.ToolbarButton({
          label: "Course",
          icon: lab.icon,
          tooltip: "Back to the course's start page",
          onClick: () => app.commands.execute(COMMAND),
        });
        panel.toolbar.insertItem(0, "course-start", back);
        const mark = () => {
          const kernel = context.sessionContext.session?.kernel?.name;
          panel.toggleClass("course-live", kernel === LIVE);
        };
        context.sessionContext.kernelChanged.connect(mark);
        mark();
        offerOwn(lab, app, context).catch((error) => console.warn(error));
        return back;
      },
    };
  }

  function plugin(lab) {
    return {
      id: `${NAME}:start`,
      description: "The course's start page.",
      autoStart: true,
      requires: [lab.docmanager.IDocumentManager, lab.application.ILabShell],
      optional: [lab.apputils.ICommandPalette, lab.launcher.ILauncher,
        lab.application.ILayoutRestorer],
      activate: (app, documents, shell, palette, launcher, restorer) => {
        addStyle();
        let page;

        function make() {
          page = startPage(lab, app, documents);
          restorer?.add(page, PAGE);
        }

        function add() {
          if (page.isDisposed) {
            make();
          }
          if (!page.isAttached) {
            const first = Array.from(shell.widgets("main"))[0];
            shell.add(page, "main", first && { ref: first.id, mode: "tab-before", activate: false });
          }
        }

        app.commands.addCommand(COMMAND, {
          label: (args) => (args.isLauncher ? "Start page" : "Course: start page"),
          caption: "Lessons, progress, local Azure",
          icon: lab.icon,
          execute: () => {
            add();
            shell.activateById(PAGE);
          },
        });
        palette?.addItem({ command: COMMAND, category: "Course" });
        launcher?.add({ command: COMMAND, category: "Course", rank: 0, args: { isLauncher: true } });
        app.docRegistry.addWidgetExtension("Notebook", notebookParts(lab, app));

        // At once, so that JupyterLab puts the tab where it was when the page is loaded again.
        make();
        void app.restored.then(() => {
          add();
          // An address that names a file opens it, and loading the page again changes nothing.
          const reloaded = sessionStorage.getItem(PAGE) !== null;
          sessionStorage.setItem(PAGE, "shown");
          if (!lab.coreutils.PageConfig.getOption("treePath") && !reloaded) {
            shell.activateById(PAGE);
            if (window.innerWidth < NARROW) {
              shell.collapseLeft();
            }
          }
        });
      },
    };
  }

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB[NAME] = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const extension = { __esModule: true, default: plugin(await loadAll()) };
      return () => extension;
    },
  };
})();
