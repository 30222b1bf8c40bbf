"""The sandbox as a process: start, durability, ends, addresses."""

import http.client
import json
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
import time

import httpx
import pytest
import trustme

from connector.errors import ConfigError, DestinationError
from connector.sandbox.process import Sandbox
from connector.sandbox.settings import SandboxSettings

KEY = {"apiKey": "sandbox.not-a-secret"}


def send(sandbox, *items, **options):
    body = {"track": [{"name": "Purchase", "payload": items}]}
    return httpx.post(sandbox.track_url, params=KEY, json=body, trust_env=False, **options)


def test_what_was_answered_survives_kill_9():
    """Killed under load, the sandbox has every item that it had answered, and no half request."""
    acknowledged = []

    with Sandbox() as sandbox:

        def load(worker):
            connection = http.client.HTTPConnection("127.0.0.1", sandbox.settings.port)
            path = f"{sandbox.settings.track_path}?apiKey={KEY['apiKey']}"
            for number in range(100_000):
                ids = [f"{worker}-{number}-{index}" for index in range(50)]
                payload = [{"eventId": one, "userId": "u"} for one in ids]
                body = json.dumps({"track": [{"name": "A", "payload": payload}]})
                try:
                    connection.request("POST", path, body, {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                    answer.read()
                except (OSError, http.client.HTTPException):
                    return
                assert answer.status == 200
                acknowledged.extend(ids)
                if len(acknowledged) > 5_000:
                    enough.set()

        enough = threading.Event()
        workers = [threading.Thread(target=load, args=(worker,)) for worker in range(3)]
        for worker in workers:
            worker.start()
        assert enough.wait(30)
        sandbox.stats()  # some requests are unpacked, some are not
        sandbox.kill()
        for worker in workers:
            worker.join(30)

        sandbox.restart()
        stored = [item.item["eventId"] for item in sandbox.items()]
        assert len(stored) == len(set(stored)) == sandbox.stats()["items"]
        assert len(stored) % 50 == 0
        assert set(acknowledged) <= set(stored)


def test_restart_keeps_port_items_faults_and_numbering(tmp_path):
    """After a restart the sandbox stands where it stood, with its items and request numbers."""
    with Sandbox(SandboxSettings(port=0, store=tmp_path / "kept.db")) as sandbox:
        send(sandbox, {"userId": "u"})
        url = sandbox.url
        sandbox.set_faults({"max_items": 1})

        sandbox.restart()

        assert sandbox.url == url
        assert send(sandbox, {"userId": "u"}).status_code == 200
        assert send(sandbox, {"userId": "u"}, {"userId": "u"}).status_code == 413
        assert [item.request for item in sandbox.items()] == [1, 2]

    with Sandbox(SandboxSettings(port=0, store=tmp_path / "kept.db")) as again:
        assert again.stats()["items"] == 2


def test_start_is_quick():
    """A sandbox takes requests well within a second or two, even on a busy machine."""
    started = time.monotonic()
    with Sandbox() as sandbox:
        assert time.monotonic() - started < 5
        assert sandbox.counters()["requests"] == 0


def test_settings_of_the_start_hold():
    """Key, path parts, identity and echo are as started."""
    settings = SandboxSettings(
        port=0,
        base_path="/api/v2",
        org="o",
        project="p",
        source_id="7",
        key="a.b.c",
        identity="strict",
        echo=True,
    )
    with Sandbox(settings) as sandbox, httpx.Client(trust_env=False, auth=("a", "b.c")) as client:
        assert sandbox.track_url.endswith("/api/v2/o/projects/p/sources/7/track")
        body = {"track": [{"name": "A", "payload": [{"profileId": "p"}]}]}
        assert client.post(sandbox.track_url, json=body).json() == body
        body["track"][0]["payload"].append({"userId": "u"})
        assert client.post(sandbox.track_url, json=body).json()["reason"] == "missing_profile_id"


def test_no_store_swallows_and_counts():
    """Without a store bodies are neither checked nor kept, only counted."""
    with Sandbox(SandboxSettings(port=0, no_store=True)) as sandbox:
        assert send(sandbox, {"eventId": "1", "userId": " "}, {"eventId": "2"}).status_code == 200
        stats = sandbox.stats()
        assert (stats["accepted"], stats["items"]) == (2, 0)


def test_ipv6():
    """It listens on ::1 and says so in its URL."""
    with Sandbox(SandboxSettings(port=0, host="::1")) as sandbox:
        assert sandbox.url.startswith("http://[::1]:")
        assert send(sandbox, {"userId": "u"}).status_code == 200


def test_tls_with_a_private_authority(tmp_path):
    """HTTPS with a certificate of one's own authority, trusted by name; resets work under TLS too."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(
        b"".join(blob.bytes() for blob in certificate.cert_chain_pems) + authority.cert_pem.bytes()
    )
    certificate.private_key_pem.write_to_path(str(key))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    with Sandbox(SandboxSettings(port=0, tls_cert=cert, tls_key=key)) as sandbox:
        assert sandbox.url.startswith("https://")
        assert send(sandbox, {"userId": "u"}, verify=trust).status_code == 200
        with pytest.raises(httpx.ConnectError):
            send(sandbox, {"userId": "u"})
        for fault in ("reset", "lost_answer"):
            sandbox.set_faults({"rules": [{"fault": fault}]})
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                send(sandbox, {"userId": "u"}, verify=trust)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_cleanly(number):
    """A signal ends the process with code 0, one line printed, no traceback, even while a request hangs."""
    faults = '{"rules": [{"fault": "hang"}]}'
    command = [sys.executable, "-m", "connector.sandbox", "--port", "0", "--faults", faults]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        url = f"{line.split()[3]}/sandbox/projects/sandbox/sources/1000000000000000001/track"
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(url, params=KEY, json={}, timeout=0.1, trust_env=False)
        process.send_signal(number)
        rest, errors = process.communicate(timeout=20)

    assert line.startswith("sandbox ready at http://127.0.0.1:")
    assert line.endswith(" key sandbox.not-a-secret\n")
    assert (process.returncode, rest, errors) == (0, "", "")


def test_ends_with_the_process_that_started_it():
    """When its starter dies without a word, the sandbox goes too."""
    program = (
        "from connector.sandbox.process import Sandbox\n"
        "import os\n"
        "print(Sandbox().start().url, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    ).stdout
    url = output.strip().removesuffix("/v1") + "/_sandbox/health"

    deadline = time.monotonic() + 10
    while _answers(url):
        assert time.monotonic() < deadline


def _answers(url):
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_start_failures_say_what_to_do(tmp_path):
    """A taken port, a foreign database, a held store and a bad certificate are errors, not tracebacks."""
    text = tmp_path / "text"
    text.write_text("this is no database, and long enough to be looked at " * 50)
    with Sandbox(SandboxSettings(port=0, store=tmp_path / "held.db")) as sandbox:
        for settings, word in [
            (SandboxSettings(port=sandbox.settings.port), "cannot listen"),
            (SandboxSettings(port=0, store=tmp_path / "held.db"), "cannot open the sandbox's store"),
            (SandboxSettings(port=0, store=text), "cannot open the sandbox's store"),
            (SandboxSettings(port=0, store=tmp_path / "none" / "x.db"), "cannot open the sandbox's store"),
            (SandboxSettings(port=0, tls_cert=text, tls_key=text), "certificate"),
        ]:
            with pytest.raises(ConfigError, match=word) as failure:
                Sandbox(settings).start()
            assert "Traceback" not in str(failure.value)


def test_another_programs_database_is_left_alone(tmp_path):
    """A store path that is somebody else's SQLite file is refused."""
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as other:
        other.execute("create table mine(x)")

    with pytest.raises(ConfigError, match="not a store of the sandbox"):
        Sandbox(SandboxSettings(port=0, store=path)).start()


def test_stopped_sandbox_says_so():
    """Asking a killed sandbox is a clear error."""
    with Sandbox() as sandbox:
        sandbox.kill()
        with pytest.raises(DestinationError, match="does not answer"):
            sandbox.stats()
