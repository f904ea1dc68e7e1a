"""Runs actions in a separate kernel: a process on this machine, or one behind a Jupyter server.

Knows Jupyter's messages, and how a kernel is started and ended. Does not know who shows the outputs or answers the
questions of the code: these are callbacks. Begin reading at `executor.KernelExecutor.run`.

executor    runs actions, restarts lost kernels, and reports lost variables
kernels     the interface of a kernel, and kernels on this machine
gateway     kernels behind a Jupyter server
request     one request to a kernel, with interrupts and the time limit
outputs     the outputs of a request, shown and recorded
inspection  asks a kernel about its variables
background  work on threads that hold up nobody
"""

from .executor import KernelExecutor
from .gateway import GatewayKernel
from .kernels import Kernel, LocalKernel

__all__ = ["GatewayKernel", "Kernel", "KernelExecutor", "LocalKernel"]
