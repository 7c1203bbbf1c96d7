"""The composition root: builds every part of local Azure and maps host names to applications."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from starlette.types import ASGIApp

from emulator.arm.changes import Changes
from emulator.arm.http import ArmApplication, Service
from emulator.arm.operations import Operations
from emulator.arm.recovery import recover
from emulator.containers.runtime import ContainerRuntime
from emulator.data_plane.ingress.connection import IngressConnection
from emulator.data_plane.ingress.ingress import Ingress
from emulator.data_plane.routes.addresses import PublicAddresses
from emulator.data_plane.routes.apps import AppTable, is_plain
from emulator.data_plane.routes.endpoints import EndpointTable
from emulator.data_plane.scoring.connection import ScoringConnection
from emulator.data_plane.scoring.gateway import Gateway
from emulator.data_plane.traffic_counts import TrafficCounts
from emulator.defaults import METADATA_HOST
from emulator.front_door.door import FrontDoor
from emulator.home import Home
from emulator.http_server import HttpServer
from emulator.inference_servers.supervisor import Supervisor
from emulator.proxy_password import make_password
from emulator.python_environments.environments import PythonEnvironments
from emulator.services.authorization.role_assignments import RoleAssignments
from emulator.services.authorization.role_definitions import RoleDefinitions
from emulator.services.container_apps.app_gauges import AppGauges
from emulator.services.container_apps.app_images import AppImages
from emulator.services.container_apps.apps import ContainerApps
from emulator.services.container_apps.controller import Controller
from emulator.services.container_apps.environment_actions import EnvironmentActions
from emulator.services.container_apps.environments import ManagedEnvironments
from emulator.services.container_apps.jobs.executions import JobExecutions
from emulator.services.container_apps.jobs.job_controller import JobController
from emulator.services.container_apps.jobs.jobs import ContainerAppsJobs
from emulator.services.container_apps.jobs.scheduler import JobScheduler
from emulator.services.container_apps.log_stream import LogStream
from emulator.services.container_apps.operations import AppOperations
from emulator.services.container_apps.paths import (
    APP_SUFFIX,
    APP_TYPE,
    EXECUTION_TYPE,
    STREAM_SUFFIX,
)
from emulator.services.container_apps.revisions import Revisions
from emulator.services.container_apps.runners import Runners
from emulator.services.container_apps.scaling import DEFAULT_COOLDOWN, Pace
from emulator.services.container_instances.container_actions import ContainerActions
from emulator.services.container_instances.group_gauges import GroupGauges
from emulator.services.container_instances.group_lifecycle import GroupLifecycle
from emulator.services.container_instances.groups import ContainerGroups
from emulator.services.container_instances.images import GroupImages
from emulator.services.container_instances.operations import GroupOperations
from emulator.services.container_instances.paths import TERMINAL_SUFFIX
from emulator.services.container_instances.terminals import Terminals
from emulator.services.container_registry.access import Access
from emulator.services.container_registry.login_server import LoginServer
from emulator.services.container_registry.paths import LOGIN_SUFFIX
from emulator.services.container_registry.registries import Registries
from emulator.services.container_registry.run_lifecycle import RunLifecycle
from emulator.services.container_registry.runs import Runs
from emulator.services.identity import MANAGEMENT_AUDIENCES, TOKEN_LIFETIME, Identity
from emulator.services.log_analytics import QUERY_HOSTS, LogAnalytics, LogQueries
from emulator.services.machine_learning.additional_info import add_info
from emulator.services.machine_learning.batch.clusters import Clusters
from emulator.services.machine_learning.batch.deployments import BatchDeployments
from emulator.services.machine_learning.batch.endpoints import BatchEndpoints
from emulator.services.machine_learning.batch.invocation_request import InvocationReader
from emulator.services.machine_learning.batch.invocations import Invocations
from emulator.services.machine_learning.batch.job_lifecycle import JobLifecycle
from emulator.services.machine_learning.batch.preparation import Preparation
from emulator.services.machine_learning.batch.run_artifacts import RunArtifacts
from emulator.services.machine_learning.batch.tokens import authenticator
from emulator.services.machine_learning.batch.workspace_api import API_SUFFIX, WorkspaceApi
from emulator.services.machine_learning.codes import Codes
from emulator.services.machine_learning.computes import Computes
from emulator.services.machine_learning.data import Data
from emulator.services.machine_learning.datastores import Datastores
from emulator.services.machine_learning.deployer import Deployer
from emulator.services.machine_learning.deployment_assets import DeploymentAssets
from emulator.services.machine_learning.deployment_gauges import DeploymentGauges
from emulator.services.machine_learning.environments import Environments
from emulator.services.machine_learning.jobs import Jobs
from emulator.services.machine_learning.models import Models
from emulator.services.machine_learning.online_deployments import OnlineDeployments
from emulator.services.machine_learning.online_endpoints import OnlineEndpoints
from emulator.services.machine_learning.paths import ONLINE_DEPLOYMENT_TYPE
from emulator.services.machine_learning.scoring_routes import SCORING_SUFFIX, ScoringRoutes
from emulator.services.machine_learning.workspace_templates import WorkspaceTemplates
from emulator.services.machine_learning.workspaces import Workspaces
from emulator.services.managed_identity.token_endpoints import TokenEndpoints
from emulator.services.managed_identity.user_assigned import UserAssignedIdentities
from emulator.services.monitor.activity_log import ActivityLog
from emulator.services.monitor.autoscale.engine import AutoscaleEngine
from emulator.services.monitor.autoscale.pace import (
    DEFAULT_MINUTE,
    LEAST_MINUTE,
    AutoscalePace,
)
from emulator.services.monitor.autoscale.settings import AutoscaleSettings
from emulator.services.monitor.metric_recorder import PERIOD, MetricRecorder
from emulator.services.monitor.metrics import Metrics
from emulator.services.monitor.metrics_batch import METRICS_SUFFIX, MetricsBatch
from emulator.services.prices.retail import HOST as PRICES_HOST
from emulator.services.prices.retail import RetailPrices
from emulator.services.request_log.recent import RecentRequests
from emulator.services.request_log.requests import Requests
from emulator.services.resources.any_resource import AnyResource
from emulator.services.resources.groups import ResourceGroups
from emulator.services.resources.providers import Providers
from emulator.services.resources.subscriptions import Subscriptions
from emulator.services.storage import BLOB_SUFFIX, Storage
from emulator.settings import seconds
from emulator.store import Store
from emulator.tls import CertificateAuthority, write_bundle
from emulator.workloads.access import WorkloadAccess
from emulator.workloads.workload import Workload, WorkloadPasswords


class Emulator:
    """Local Azure, whole. `start` returns when the first request would be answered."""

    def __init__(self, home: Home, containers: ContainerRuntime) -> None:
        self.home = home
        self.containers = containers
        self.store = Store(home.database)
        self.identity = Identity(
            home.identity, int(seconds("AZURE_LOCAL_TOKEN_LIFETIME", TOKEN_LIFETIME, least=1))
        )
        self.operations = Operations(self.store)
        self.changes = Changes(self.store, self.operations)
        self.resources = ResourceGroups(self.store, self.operations, self.changes)
        self.storage = Storage(self.store, self.changes, home.blobs, verify=self.identity.verify)
        datastores = Datastores(self.store, self.storage)
        environments = Environments(self.store)
        workspaces = Workspaces(
            self.store,
            self.operations,
            self.changes,
            self.storage,
            (datastores.seed, environments.seed),
        )
        templates = WorkspaceTemplates(
            self.store, self.operations, self.changes, workspaces, self.storage.accounts.create
        )
        self.addresses = PublicAddresses()
        counts = TrafficCounts()
        self.ingress = Ingress(AppTable(), counts=counts)
        passwords = WorkloadPasswords()
        self.door = FrontDoor(
            CertificateAuthority(home.tls),
            self.protocol,
            make_password(home.proxy_password),
            self.addresses,
            passwords,
            self.ingress.table.client_certificates,
        )
        access = WorkloadAccess(
            containers,
            passwords,
            self.door.listen_inside,
            lambda: write_bundle(home.tls / "workloads.crt", home.ca_certificate),
        )
        scoring = EndpointTable()
        routes = ScoringRoutes(self.store, scoring)
        self.python = PythonEnvironments(home.environments)
        self.runtime = Supervisor(home.deployments / "processes")
        deployer = Deployer(
            self.store, self.storage, self.python, self.runtime, home.deployments, routes, access
        )
        endpoints = OnlineEndpoints(
            self.store,
            self.operations,
            self.changes,
            routes,
            issue_token=self.identity.issue,
            forget=access.forget,
        )
        self.batch_endpoints = BatchEndpoints(self.store, self.operations, self.changes)
        clusters = Clusters(self.store)
        artifacts = RunArtifacts(self.store, self.storage)
        jobs = JobLifecycle(
            self.store,
            self.changes,
            self.storage,
            Preparation(self.store, self.storage, self.python, access),
            clusters,
            artifacts,
            home.deployments / "jobs",
        )
        assets = DeploymentAssets(
            self.store, self.storage, environments, engine=containers.kind == "container"
        )
        deployments = OnlineDeployments(
            self.store,
            self.operations,
            self.changes,
            assets,
            deployer,
            routes,
        )
        self.registries = Registries(
            self.store, self.operations, self.changes, containers, self.storage
        )
        self.runs = RunLifecycle(
            self.store, self.changes, self.storage, containers, home.containers / "builds"
        )
        self.registry_access = Access(
            self.registries.is_admin,
            self.identity.client_secret,
            self.identity.issue,
            self.identity.verify,
        )
        terminals = Terminals(containers)
        group_images = GroupImages(
            containers, self.registries.is_login_server, self.registry_access.may_pull
        )
        self.groups = GroupLifecycle(
            self.store,
            self.changes,
            containers,
            group_images,
            self.addresses,
            home.containers / "groups",
            access,
        )
        self.app_runners = Runners(
            self.store,
            containers,
            self.ingress.table,
            home.containers / "apps",
            Pace(seconds("AZURE_LOCAL_SCALE_COOLDOWN", DEFAULT_COOLDOWN)),
            access,
        )
        app_environments = ManagedEnvironments(self.changes)
        app_images = AppImages(
            containers, self.registries.is_login_server, self.registry_access.may_pull
        )
        app_controller = Controller(self.changes, app_images, self.app_runners)
        apps = ContainerApps(self.changes, app_environments, app_controller, self.identity.issue)
        self.jobs = JobController(
            self.changes, containers, app_images, access, home.containers / "jobs"
        )
        self.job_scheduler = JobScheduler(self.jobs)
        executions = JobExecutions(self.changes, self.jobs)
        self.gateway = Gateway(
            scoring,
            lambda token, audience: self.identity.verify(token, (audience,)),
            counts=counts,
        )
        self.metrics = MetricRecorder(
            self.store,
            counts,
            (
                DeploymentGauges(self.store, deployer),
                GroupGauges(containers, self.groups),
                AppGauges(self.app_runners),
            ),
            seconds("AZURE_LOCAL_METRICS_PERIOD", PERIOD, least=0.05),
        )
        group_operations = GroupOperations(self.store, self.operations)
        activity = ActivityLog(self.store, self.operations)
        self.autoscale = AutoscaleEngine(
            self.store,
            self.operations,
            self.metrics,
            activity,
            {ONLINE_DEPLOYMENT_TYPE: deployments},
            AutoscalePace(
                seconds("AZURE_LOCAL_AUTOSCALE_MINUTE", DEFAULT_MINUTE, least=LEAST_MINUTE)
            ),
        )
        requests = Requests(RecentRequests())
        services: list[Service] = [
            Subscriptions(self.store),
            Providers(),
            self.resources,
            AnyResource(self.store, self.changes),
            self.storage.accounts,
            self.storage.containers,
            workspaces,
            templates,
            datastores,
            Computes(
                self.store,
                self.operations,
                self.changes,
                runs_on=clusters.on,
                forget=(clusters.revoke, access.forget),
            ),
            Models(self.store, self.storage),
            environments,
            Codes(self.store, self.storage),
            Data(self.store),
            endpoints,
            deployments,
            self.batch_endpoints,
            BatchDeployments(self.store, self.operations, self.changes, assets),
            Jobs(self.store, self.operations, self.changes, jobs),
            self.registries,
            Runs(self.store, self.storage, self.runs),
            ContainerGroups(self.store, group_operations, self.groups, group_images),
            group_operations,
            ContainerActions(self.store, self.groups, terminals),
            app_environments,
            EnvironmentActions(self.store, self.identity.issue),
            apps,
            Revisions(self.store, app_controller),
            ContainerAppsJobs(self.changes, app_environments, self.jobs, self.identity.issue),
            executions,
            AppOperations(
                self.store,
                self.operations,
                {APP_TYPE: apps.shown, EXECUTION_TYPE: executions.shown},
            ),
            LogAnalytics(self.store, self.changes),
            UserAssignedIdentities(self.store, self.changes),
            RoleDefinitions(),
            RoleAssignments(self.store),
            Metrics(self.store, self.metrics),
            activity,
            AutoscaleSettings(self.changes, self.autoscale),
            requests,
            self.operations,
        ]
        exact: dict[str, ASGIApp] = {
            "login.microsoftonline.com": self.identity.application(),
            "management.azure.com": ArmApplication(
                services,
                authenticate=self.identity.authenticate,
                check_scope=self.resources.check_scope,
                add_info=partial(add_info, self.store),
                logs=(activity.log, requests.log),
            ),
            METADATA_HOST: TokenEndpoints(
                self.store, passwords.find, self.identity.issue, self.identity.token_lifetime
            ).application(),
            PRICES_HOST: RetailPrices().application(),
            **dict.fromkeys(QUERY_HOSTS, LogQueries()),
        }
        suffixes: dict[str, ASGIApp] = {
            BLOB_SUFFIX: self.storage.application,
            METRICS_SUFFIX: MetricsBatch(self.store, self.metrics, self.identity.verify),
            SCORING_SUFFIX: Invocations(
                self.store,
                self.changes,
                self.batch_endpoints,
                InvocationReader(self.store, self.storage),
                authenticator(self.identity.verify),
            ),
            API_SUFFIX: WorkspaceApi(
                self.store, artifacts, authenticator(self.identity.verify, *MANAGEMENT_AUDIENCES)
            ),
            LOGIN_SUFFIX: LoginServer(self.registries.find, self.registry_access, containers),
            TERMINAL_SUFFIX: terminals,
            STREAM_SUFFIX: LogStream(self.app_runners, self.jobs, self.identity.verify),
        }
        self.http = HttpServer(exact, suffixes)

    def protocol(self, host: str, client: Workload) -> asyncio.Protocol:
        """The HTTP protocol for one connection to an Azure host, or to an app's plain name."""
        name = host.lower()
        if name.endswith(SCORING_SUFFIX) and self.batch_endpoints.at(name) is None:
            return ScoringConnection(self.gateway, name)
        if name.endswith(APP_SUFFIX) or is_plain(host):
            return IngressConnection(self.ingress, name, client.domain)
        if name.endswith((TERMINAL_SUFFIX, STREAM_SUFFIX)):
            return self.http.web_socket_connection()
        return self.http.connection(workload=client)

    async def start(self, port: int) -> int:
        """Bring back what was there, then listen: on `port`, or a free one where that is taken."""
        await self.runtime.recover()
        await self.containers.recover()
        await recover(self.changes)
        self.job_scheduler.start()
        self.metrics.start()
        self.autoscale.start()
        try:
            return await self.door.listen(port)
        except OSError:
            return await self.door.listen(0)

    async def stop(self) -> None:
        """End all that runs, the last named first; what fails keeps no other from its end."""
        async with AsyncExitStack() as steps:
            steps.callback(self.store.close)
            for step in (
                self.python.close,
                self.runtime.close,
                self.containers.close,
                self.jobs.close,
                self.app_runners.close,
                self.groups.close,
                self.runs.close,
                self.changes.close,
                self.job_scheduler.close,
                self.metrics.close,
                self.autoscale.close,
                self.http.close,
            ):
                steps.push_async_callback(step)
            steps.callback(self.operations.release)
            steps.push_async_callback(self.door.close)
