"""A visitor without a browser: speaks Streamlit's own protocol, to time the server alone."""

import time

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

_MOST_SECONDS = 60


class PageVisitor:
    """One session of the dashboard.

    Args:
        address: Of the server, `http://…`.
        query: Of the address, such as `model=cancer_mlp`; restores what was chosen.
    """

    def __init__(self, address, query):
        self._socket = connect(
            address.replace("http", "ws", 1) + "/_stcore/stream", subprotocols=["streamlit"],
            max_size=None, origin=address,
        )  # fmt: skip
        self._query = query
        self._hashes = {}
        self.open("")

    def open(self, page):
        """Ask for a page by its address; return milliseconds until its script has finished."""
        message = BackMsg()
        message.rerun_script.query_string = self._query
        message.rerun_script.page_script_hash = self._hashes.get(page, "")
        start = time.perf_counter()
        self._socket.send(message.SerializeToString())
        end = time.monotonic() + _MOST_SECONDS
        while time.monotonic() < end:
            answer = ForwardMsg.FromString(self._socket.recv(_MOST_SECONDS))
            kind = answer.WhichOneof("type")
            if kind == "navigation":
                for each in answer.navigation.app_pages:
                    self._hashes[each.url_pathname] = each.page_script_hash
            is_end = kind == "script_finished"
            if is_end and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return (time.perf_counter() - start) * 1e3
        raise TimeoutError(page)

    def close(self):
        """Leave."""
        self._socket.close()
