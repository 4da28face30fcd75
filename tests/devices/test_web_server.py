"""The server of a job gives to its own page alone, and takes nothing that does not fit."""

import http.client
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgewright.devices.agent.job import AgentJob, Calls
from edgewright.devices.web import exchange, message
from edgewright.devices.web.exchange import exchange_for
from edgewright.devices.web.job import Place, Run
from edgewright.devices.web.server import JobServer
from edgewright.vocabulary.tensor_folder import TensorFolder

PLACE = Place(kind="browser", backend="wasm", threads=1, executable=None)


def body(**tensors) -> bytes:
    return b"".join(message.write(tensors))


class Page:
    """Asks as a page does, or as somebody else might."""

    def __init__(self, server):
        self.server = server

    def ask(self, path, *, method="GET", data=None, token=None, host=None):
        connection = http.client.HTTPConnection("127.0.0.1", int(self.server.host.rpartition(":")[2]), timeout=10)
        own = self.server.url.split("/")[3]
        connection.putrequest(method, f"/{own if token is None else token}/{path}", skip_host=True)
        connection.putheader("Host", host or self.server.host)
        if data is not None:
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        response = connection.getresponse()
        answer = response.status, response.read(), response.headers
        connection.close()
        return answer


@pytest.fixture
def page(tmp_path, inputs):
    """The page of an inference of seven rows, three a call."""
    dist, folder = tmp_path / "dist", tmp_path / "artifact"
    for each in (dist, folder):
        each.mkdir()
    (dist / "job.js").write_text("run()", "utf-8")
    (folder / "model.onnx").write_bytes(b"model")
    (tmp_path / "secret").write_text("secret", "utf-8")
    job = AgentJob(
        runtime="onnxruntime",
        artifact=folder / "model.onnx",
        threads=1,
        output=tmp_path / "output",
        calls=Calls(inputs=inputs.path, rows_per_call=3, batched=True),
    )
    server = JobServer(exchange_for(PLACE, Run(engine="onnxruntime-web", optimize=True, job=job)), dist)
    server.start()
    yield Page(server)
    server.close()


def test_pages_are_isolated_and_load_from_nowhere_else(page):
    status, html, headers = page.ask("")
    assert status == 200
    assert b'src="dist/job.js"' in html
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert "http" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["", "task", "dist/job.js", "artifact/model.onnx", "rows/0"])
def test_without_the_token_nothing_is_given(page, path):
    assert page.ask(path)[0] == 200
    for token in ("", "token", page.server.url.split("/")[3][:-1]):
        status, said, _ = page.ask(path, token=token)
        assert (status, said) == (403, b"no\n")


@pytest.mark.parametrize("host", ["localhost", "evil.example", "127.0.0.1"])
def test_under_another_name_nothing_is_given(page, host):
    assert page.ask("task", host=host)[0] == 403


def test_without_the_token_nothing_is_taken(page):
    assert page.ask("error", method="POST", data=b'{"error": "no"}', token="token")[0] == 403
    assert not page.server.exchange.result.done()


@pytest.mark.parametrize(
    "path", ["artifact/../secret", "artifact/%2e%2e/secret", "dist/../../secret", "artifact//etc/passwd", "artifact/"]
)
def test_files_beside_those_of_the_job_are_not_given(page, path):
    assert page.ask(path)[0] == 404


def test_a_link_does_not_lead_out(page, tmp_path):
    (tmp_path / "artifact" / "link").symlink_to(tmp_path / "secret")
    assert page.ask("artifact/link")[0] == 404


def test_rows_go_out_and_outputs_come_in(page, tmp_path):
    status, given, _ = page.ask("rows/0")
    assert status == 200
    calls = [call["x"] for call in message.read(io.BytesIO(given), len(given))]
    assert [call.shape for call in calls] == [(3, 2)] * 3  # the last one is filled up
    assert [call[0, 0] for call in calls] == [0.0, 6.0, 12.0]
    assert page.ask("rows/0", method="POST", data=body(y=-calls[0]))[0] == 204
    assert page.ask("rows/3", method="POST", data=body(y=-calls[1]) + body(y=-calls[2]))[0] == 204
    said = {"engine_version": "1.30.0"}
    assert page.ask("result", method="POST", data=json.dumps(said).encode())[0] == 204
    assert page.server.exchange.result.result()["runtime"] == "onnxruntime-web/wasm"
    np.testing.assert_array_equal(TensorFolder(tmp_path / "output")["y"][:, 1], -2.0 * np.arange(7) - 1)


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        ("rows/0", b"", "no message of tensors"),
        ("rows/0", b"{}\n", "no message of tensors"),
        ("rows/0", b'{"tensors": [{"name": "y"}]}\n', "is announced as"),
        ("rows/0", body(y=np.zeros((3, 2), np.float32))[:-4], "is announced as"),
        ("rows/0", body(y=np.zeros((3, 2), np.float32)) + b"more", "no message of tensors"),
        ("rows/0", body(y=np.zeros((2, 2), np.float32)), "does not hold one row for each of the 3"),
        ("rows/3", body(y=np.zeros((3, 2), np.float32)), "outputs of 1 calls came, from row 3 on"),
        ("result", b'{"engine_version": "1"}', "the page gave 0 rows of 7"),
        ("result", b"none", "Expecting value"),
        ("ready", b"{}", "nothing is measured"),
        ("error", b'{"error": "out of memory"}', "out of memory"),
    ],
)
def test_what_does_not_fit_ends_the_job_with_its_reason(page, path, data, reason):
    page.ask(path, method="POST", data=data)
    with pytest.raises(ValueError, match=reason):
        page.server.exchange.result.result(timeout=5)


def test_a_file_that_is_not_built_ends_the_job(page):
    assert page.ask("dist/chunk.js")[0] == 404
    with pytest.raises(ValueError, match=r"the page asks for chunk\.js, which is not built"):
        page.server.exchange.result.result(timeout=5)


def test_one_answer_holds_so_many_calls_as_it_has_room_for(page, monkeypatch):
    monkeypatch.setattr(exchange, "ANSWER_BYTES", 30)  # a call takes 24
    _, given, _ = page.ask("rows/0")
    assert len(list(message.read(io.BytesIO(given), len(given)))) == 2
    _, given, _ = page.ask("rows/6")
    assert len(list(message.read(io.BytesIO(given), len(given)))) == 1


@pytest.mark.parametrize("start", ["1", "9", "-3"])
def test_rows_that_no_call_takes_are_not_given(page, start):
    assert page.ask(f"rows/{start}")[0] == 400


@given(
    st.dictionaries(
        st.text(max_size=5),
        arrays.arrays(
            st.sampled_from(sorted(message.DTYPES)), arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
        ),
        max_size=3,
    )
)
def test_tensors_come_as_they_went(tensors):
    sent = b"".join(message.write(tensors))
    (found,) = message.read(io.BytesIO(sent), len(sent))
    assert list(found) == list(tensors)
    for name, array in tensors.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


def test_a_first_tensor_lies_where_every_dtype_may():
    sent = body(some_name=np.zeros(3))
    assert (sent.index(b"\n") + 1) % 8 == 0


def test_text_is_no_tensor_of_a_page():
    with pytest.raises(ValueError, match="words: a page takes no str"):
        list(message.write({"words": np.array(["a"])}))
