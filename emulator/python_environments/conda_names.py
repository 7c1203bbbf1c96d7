"""Conda packages that are not what a Python index has under the same name.

https://conda-forge.org/packages/
"""

from __future__ import annotations

# Another project on PyPI provides these.
PYPI_NAMES = {
    "dask-core": "dask",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "py-lightgbm": "lightgbm",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "pyarrow-core": "pyarrow",
    "pyqt": "pyqt5",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "python-tzdata": "tzdata",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "seaborn-base": "seaborn",
    "tensorflow-base": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-gpu": "tensorflow",
}
# No Python packages, but wheels bring what they need of these.
IN_WHEELS = frozenset(
    (
        *("arrow-cpp", "blas", "intel-openmp", "libblas", "libcblas", "liblapack", "libopenblas"),
        *("libxgboost", "llvm-openmp", "mkl", "nomkl", "openblas", "xgboost-proc"),
        *("cpuonly", "cuda", "cuda-runtime", "cuda-toolkit", "cudatoolkit", "cudnn", "nccl"),
        *("pytorch-cuda", "pytorch-mutex"),
        *("libgcc", "libgcc-ng", "libgfortran", "libgfortran-ng", "libgomp", "libstdcxx"),
        *("libstdcxx-ng", "hdf5", "libopencv", "libprotobuf"),
        *(
            "bzip2",
            "ca-certificates",
            "ld_impl_linux-64",
            "libexpat",
            "libffi",
            "libnsl",
            "libsqlite",
        ),
        *("libuuid", "libxcrypt", "libzlib", "ncurses", "openssl", "pip", "python_abi"),
        *("readline", "sqlite", "tk", "xz", "zlib"),
    )
)
# Programs, and the command by which this machine has one.
PROGRAMS = {
    **{name: name for name in ("bash", "cmake", "curl", "ffmpeg", "gcc", "gfortran", "git")},
    **{name: name for name in ("git-lfs", "htop", "jq", "make", "nano", "pandoc", "perl", "sox")},
    **{name: name for name in ("tesseract", "tmux", "unzip", "vim", "wget", "zip")},
    "c-compiler": "cc",
    "compilers": "cc",
    "cuda-nvcc": "nvcc",
    "cxx-compiler": "c++",
    "fortran-compiler": "gfortran",
    "gcc_linux-64": "gcc",
    "go": "go",
    "graphviz": "dot",
    "gxx": "g++",
    "gxx_linux-64": "g++",
    "imagemagick": "convert",
    "mpich": "mpirun",
    "nodejs": "node",
    "openjdk": "java",
    "openmpi": "mpirun",
    "poppler": "pdftotext",
    "postgresql": "psql",
    "r-base": "R",
    "rust": "rustc",
}
LIBRARIES = frozenset(
    (
        *("boost", "boost-cpp", "cairo", "eigen", "fftw", "freetds", "geos", "glib", "glpk", "gsl"),
        *("icu", "ipopt", "krb5", "lz4-c", "mesalib", "pango", "portaudio", "proj", "rdma-core"),
        *("snappy", "suitesparse", "unixodbc", "zeromq", "zstd"),
    )
)
# Python packages whose names begin like those of libraries.
_PYTHON_LIB = frozenset(("libclang", "libcst", "libpysal", "librosa", "libsass", "libtmux"))


def is_library(name: str) -> bool:
    """Whether it is a library, or a package for R, so that no Python index has it."""
    if name in LIBRARIES or name.startswith("r-"):
        return True
    return name.startswith("lib") and name not in _PYTHON_LIB


# The first version of which there are builds for NumPy 2; those before were built against NumPy 1,
# and conda says so of each: https://conda-forge.org/docs/maintainer/knowledge_base/#numpy-2
# The versions: https://github.com/numpy/numpy/issues/26191
FOR_NUMPY_2 = {
    "astropy": "6.1",
    "bottleneck": "1.4",
    "contourpy": "1.2.1",
    "h5py": "3.11",
    "matplotlib": "3.8.4",
    "numexpr": "2.10",
    "onnxruntime": "1.19",
    "opencv-python-headless": "4.10.0.84",
    "pandas": "2.2.2",
    "pyarrow": "16.0",
    "pywavelets": "1.6",
    "scikit-image": "0.23",
    "scikit-learn": "1.4.2",
    "scipy": "1.13",
    "shapely": "2.0.4",
    "statsmodels": "0.14.2",
    "tensorflow": "2.18",
    "torch": "2.3",
}
