"""Talks to a kernel over ZeroMQ: sends it cells, and takes what it sends back, as far as that is not too much.

engine.py gives the client to nbclient. Messages wait here, not in ZeroMQ: it would drop those that it has no room for,
and an output that is lost may be the credit.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Mapping
from queue import Empty
from typing import Any, cast

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.session import Session
from nbclient.exceptions import DeadKernelError
from typing_extensions import override
from zmq.utils.monitor import parse_monitor_message

from creditbot.notebook_host.kernels import ForkedProcess, Kernel
from creditbot.notebook_host.output_meter import OUTPUT_LIMIT, OutputMeter, TooMuchOutput

_PROBE = 0.1
"""Seconds without a message after which a starting kernel is sent another probe."""

_RECONNECT = 5
"""Milliseconds between two attempts to connect. The kernel's sockets appear at any moment; zmq would wait for 100."""


_DYING = 3.0
"""Seconds in which ZeroMQ tries to connect again, or the end of a kernel is reported."""


class MeteredChannel(AsyncZMQSocketChannel):
    """Takes all messages that have come, faster than they can be processed, and shows them to the meter.

    Attributes:
        meter: of the kernel; set before the first message is taken.
        process: of the kernel; likewise.
    """

    meter: OutputMeter
    process: ForkedProcess

    def __init__(self, socket: zmq.asyncio.Socket, session: Session, loop: Any = None) -> None:
        super().__init__(socket, session, loop)
        self._at_once: zmq.Socket[bytes] = zmq.Socket.shadow(socket)
        self._taken: deque[list[bytes]] = deque()
        self._events = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECT_RETRIED)
        self._poller = zmq.asyncio.Poller()
        self._poller.register(socket, zmq.POLLIN)
        self._poller.register(self._events, zmq.POLLIN)

    @override
    async def get_msg(  # type: ignore[override]  # as that of jupyter_client's own asynchronous channel
        self, timeout: float | None = None
    ) -> dict[str, Any]:
        """The next message. Raises `Empty` after `timeout` seconds without one, and `TooMuchOutput`."""
        await self._take()
        while not self._taken:
            if self.socket is None:
                await asyncio.sleep(math.inf if timeout is None else timeout)  # whoever waits sees that it has ended
                raise Empty
            if not await self._poller.poll(None if timeout is None else round(timeout * 1000)):
                raise Empty
            await self._take()
        return self.session.deserialize(self._taken.popleft())

    async def _take(self) -> None:
        """Takes the messages that have come. Takes no more when they are too many, or when one was lost."""
        try:
            while self.socket is not None:
                _, message = self.session.feed_identities(self._at_once.recv_multipart(zmq.NOBLOCK))
                parts = cast("list[bytes]", message)
                self.meter.count(parts)
                self._taken.append(parts)
        except zmq.Again:
            pass
        except TooMuchOutput:
            self.stop()
            raise
        while int(self._events.EVENTS) & zmq.POLLIN:
            if await self._event() == zmq.EVENT_DISCONNECTED:
                await self._see_why()

    async def _event(self) -> int:
        event: int = parse_monitor_message(await self._events.recv_multipart())["event"]
        return event

    async def _see_why(self) -> None:
        """The connection has ended: the kernel has ended, or ZeroMQ closed it because a message was above the limit."""
        deadline = time.monotonic() + _DYING
        while not self.process.ended.is_set():
            if await self._events.poll(_PROBE * 1000) and await self._event() == zmq.EVENT_CONNECT_RETRIED:
                deadline = math.inf  # ZeroMQ tries again where a kernel is gone, and not where it has hung up
            if time.monotonic() > deadline:
                self.stop()
                self.meter.exceed()
        self.stop()


class ForkedKernelClient(AsyncKernelClient):
    """Talks to a kernel.

    Args:
        kernel: which may still be starting.
        expressions: name -> Python; evaluated after each cell, and in its reply.

    Attributes:
        meter: counts what the kernel sends.
    """

    def __init__(self, kernel: Kernel, expressions: Mapping[str, str]) -> None:
        super().__init__()
        self._process = kernel.process
        self._expressions = dict(expressions)
        self.meter = OutputMeter(kernel.process)
        self.shell_channel_class = self.iopub_channel_class = MeteredChannel
        self.load_connection_info(kernel.connection)  # type: ignore[arg-type]  # its TypedDict
        self.context.reconnect_ivl = _RECONNECT
        self.context.rcvhwm = 0  # the kernel may send as fast as it likes: the channel takes it all
        self.context.maxmsgsize = OUTPUT_LIMIT

    @override
    def start_channels(
        self, shell: bool = True, iopub: bool = True, stdin: bool = False, hb: bool = False, control: bool = False
    ) -> None:
        """Opens channels; only the two that are used are opened by default."""
        for channel in (self.shell_channel, self.iopub_channel):
            channel.meter, channel.process = self.meter, self._process
        super().start_channels(shell, iopub, stdin, hb, control)

    @override
    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Returns when a probe has come back: the kernel is up, and its outputs reach us."""
        deadline = time.monotonic() + (timeout or math.inf)
        probes: set[str] = set()
        while time.monotonic() < deadline:
            probes.add(self.kernel_info())
            if await self._idle_after(probes):
                return
            if self._process.ended.is_set():
                break
        raise DeadKernelError("The kernel did not start")

    async def _idle_after(self, probes: set[str]) -> bool:
        """True when the kernel is done with one of these messages; False when it is time to send another."""
        while True:
            try:
                message = await self.iopub_channel.get_msg(timeout=_PROBE)
            except Empty:
                return False
            if message["msg_type"] == "iopub_welcome":
                return False  # we subscribed only now, and may have missed the replies to earlier probes
            if message["parent_header"].get("msg_id") in probes and message["content"].get("execution_state") == "idle":
                return True

    @override
    def execute(self, code: str, *args: Any, **options: Any) -> str:
        """Has a cell executed."""
        message: str = super().execute(code, *args, **{**options, "user_expressions": self._expressions})
        return message

    @override
    async def is_alive(self) -> bool:
        """Whether the fork server has not reported its end."""
        return not self._process.ended.is_set()

    def close(self) -> None:
        """Closes the channels and, with the context, their thread."""
        self.shell_channel.stop()
        self.iopub_channel.stop()
        self.context.destroy(linger=0)
