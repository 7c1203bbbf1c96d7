"""What an environment's conda file asks for."""

from __future__ import annotations

import sys
from importlib.metadata import version

import pytest

from emulator.python_environments.conda import CondaFileError, read_conda_file

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def lines(*dependencies: str) -> list[str]:
    return read_conda_file(
        "dependencies:\n" + "\n".join(f"- {d}" for d in dependencies)
    ).pip_lines()


@pytest.mark.parametrize(
    ("conda", "pip"),
    [
        ("numpy", "numpy"),
        ("numpy=1.26", "numpy==1.26.*"),
        ("numpy=1.26.*", "numpy==1.26.*"),
        ("numpy==1.26.4", "numpy==1.26.4"),
        ("numpy=1.26.4=py311h64a7726_0", "numpy==1.26.4.*"),
        ("numpy==1.26.4=py311h64a7726_0", "numpy==1.26.4"),
        ("numpy 1.26.*", "numpy==1.26.*"),
        ("numpy 1.26.4 py311h64a7726_0", "numpy==1.26.4"),
        ("numpy>=1.20,<2", "numpy<2,>=1.20"),
        ("'numpy >=1.20, <2'", "numpy<2,>=1.20"),
        ("conda-forge::scikit-learn=1.9", "scikit-learn==1.9.*"),
        ("pytorch=2.13", "torch==2.13.*"),
        ("matplotlib-base", "matplotlib"),
        ("tensorflow-cpu=2.21", "tensorflow==2.21.*"),
    ],
)
def test_conda_package_as_pip_knows_it(conda: str, pip: str) -> None:
    assert lines(conda) == [pip]


def test_pip_list() -> None:
    file = read_conda_file(
        """
        name: digits
        channels: [conda-forge]
        dependencies:
          - python=3.11
          - pip
          - cudatoolkit=11.8
          - pip:
            - --extra-index-url https://packages.example/simple
            - torch==2.13.0  # the CPU build
            - Requests[socks]>=2; python_version >= "3.8"
            - azureml-inference-server-http~=1.5
        """
    )
    assert file.pip_lines() == [
        "--extra-index-url https://packages.example/simple",
        "torch==2.13.0",
        'requests[socks]>=2; python_version >= "3.8"',
        "azureml-inference-server-http~=1.5",
    ]
    assert file.left_out == ("pip", "cudatoolkit=11.8")
    assert file.frameworks == ("torch",)


def test_an_image_for_inference_adds_the_server() -> None:
    server = "azureml-inference-server-http"
    assert read_conda_file("dependencies: [numpy]").with_server().pip_lines() == ["numpy", server]
    listed = read_conda_file(f"dependencies: ['{server}=1.4']")
    assert listed.with_server().pip_lines() == [f"{server}==1.4.*"]


def test_conda_packages_that_are_no_python_packages() -> None:
    file = read_conda_file(
        "dependencies: [git=2.40, conda-forge::ffmpeg, gxx_linux-64, numpy, mkl]"
    )
    assert file.programs == (
        ("git=2.40", "git"),
        ("conda-forge::ffmpeg", "ffmpeg"),
        ("gxx_linux-64", "g++"),
    )
    assert file.left_out == ("mkl",)
    assert file.pip_lines() == ["numpy"]


@pytest.mark.parametrize("entry", ["libsndfile=1.2", "r-dplyr", "unixodbc", "libgl"])
def test_libraries_are_refused_by_name(entry: str) -> None:
    with pytest.raises(CondaFileError, match=f"asks for '{entry}', which is no Python package"):
        read_conda_file(f"dependencies: [{entry}]")


@pytest.mark.parametrize("entry", ["librosa", "libclang=18", "pip: [libtmux]"])
def test_python_packages_that_are_called_like_libraries(entry: str) -> None:
    assert read_conda_file(
        f"dependencies: [{{{entry}}}]" if ":" in entry else f"dependencies: [{entry}]"
    ).requirements


@pytest.mark.parametrize(
    ("entries", "constraints"),
    [
        ("scikit-learn=1.2.2", ("numpy<2",)),
        ("scikit-learn==1.4.1, numpy", ("numpy<2",)),
        ("'scipy>=1.9,<1.13'", ("numpy<2",)),
        ("'pandas~=1.5.3'", ("numpy<2",)),
        ("pytorch=2.2", ("numpy<2",)),
        ("scikit-learn=1.5", ()),
        ("scikit-learn", ()),
        ("'scikit-learn<2'", ()),
        ("'scikit-learn>=1.2'", ()),
        ("numpy=1.26", ()),
        # pip takes what its index has today, on Azure as well.
        ("pip: [scikit-learn==1.2.2]", ()),
    ],
)
def test_what_conda_built_against_numpy_1_gets_no_numpy_2(
    entries: str, constraints: tuple[str, ...]
) -> None:
    file = read_conda_file(f"dependencies: [{entries}]")
    assert file.constraints == constraints


def test_azureml_defaults_is_the_inference_server() -> None:
    file = read_conda_file("dependencies: [{pip: [azureml-defaults==1.60.0]}]")
    assert file.pip_lines() == ["azureml-inference-server-http"]
    assert file.stands_for == (("azureml-defaults==1.60.0", "azureml-inference-server-http"),)


@pytest.mark.parametrize(
    ("wanted", "allowed"),
    [
        ("python", [9, 11, 14]),
        ("python=3.11", [11]),
        ("python=3.11.4", [11]),
        ("python 3.11", [11]),
        ("python==3.11.4", [11]),
        ("python>=3.9,<3.12", [9, 11]),
        ("python=3", [9, 11, 14]),
    ],
)
def test_python(wanted: str, allowed: list[int]) -> None:
    file = read_conda_file(f"dependencies: ['{wanted}']")
    assert [minor for minor in (9, 11, 14) if file.allows(minor)] == allowed


def test_nothing_is_missing_here() -> None:
    numpy = version("numpy")
    file = read_conda_file(
        f"""
        dependencies:
          - python={HERE}
          - numpy={numpy}
          - pip
          - pip:
            - numpy=={numpy}
            - azureml-defaults==1.0
            - no-such-package; sys_platform == "plan9"
            - coverage[toml]
        """
    )
    assert file.missing_here() == []


def test_all_that_is_missing_is_named() -> None:
    numpy = version("numpy")
    file = read_conda_file(
        "dependencies: ['python=3.9', 'numpy==1.0', {'pip': ['no-such-package', 'httpx[socks]']}]"
    )
    running = ".".join(str(part) for part in sys.version_info[:3])
    assert file.missing_here() == [
        f"is {running} and not ==3.9.*",
        f"has numpy {numpy} and not ==1.0",
        "has no no-such-package",
        "has no socksio",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dependencies: [numpy\n- b", "not valid YAML"),
        ("", "needs a list named 'dependencies'"),
        ("dependencies: numpy", "needs a list named 'dependencies'"),
        ("- numpy", "needs a list named 'dependencies'"),
        ("dependencies: [3]", "3 is neither a package nor 'pip:'"),
        ("dependencies: [{conda: [x]}]", "is neither a package nor 'pip:'"),
        ("dependencies: [{pip: numpy}]", "'pip:' needs a list"),
        ("dependencies: [{pip: [3]}]", "'pip:' needs a list"),
        ("dependencies: ['numpy=1.2|1.3']", "write it like name=1.2"),
        ("dependencies: ['numpy[version=1]']", "write it like name=1.2"),
        ("dependencies: [{pip: ['-r more.txt']}]", "Write the packages themselves"),
        ("dependencies: [{pip: ['-e .']}]", "Write the packages themselves"),
        ("dependencies: [{pip: ['a b c']}]", "'a b c', which is no package"),
        ("dependencies: [{pip: ['git+https://example/x']}]", "installs packages by name only"),
        ("dependencies: [{pip: ['x @ https://example/x.whl']}]", "installs packages by name only"),
    ],
)
def test_file_that_cannot_be_understood(text: str, reason: str) -> None:
    with pytest.raises(CondaFileError) as error:
        read_conda_file(text)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)
