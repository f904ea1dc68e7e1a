"""Runs actions in a kernel of their own: a process on this machine, or one behind a Jupyter server."""

from .executor import KernelExecutor
from .gateway import GatewayKernel
from .kernels import Kernel, LocalKernel

__all__ = ["GatewayKernel", "Kernel", "KernelExecutor", "LocalKernel"]
