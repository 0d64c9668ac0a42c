# SPDX-License-Identifier: Apache-2.0
"""What PAM answers is recorded, whichever copy of its library is asked."""
import ctypes.util
import os
import shutil
import subprocess
import sys
import time

from lib import Collector, Skip, case, equal, main, records, verdict

# Asks PAM everything with a configuration of its own: DIRECTORY SERVICE ACCOUNT TIMES
CLIENT = """
import ctypes, sys, time

class Conversation(ctypes.Structure):
    _fields_ = [("function", ctypes.c_void_p), ("data", ctypes.c_void_p)]

pam = ctypes.CDLL("libpam.so.0")
place, service, account = (word.encode() for word in sys.argv[1:4])
for turn in range(int(sys.argv[4])):
    time.sleep(0.2 * (turn > 0))
    handle, conversation = ctypes.c_void_p(), Conversation()
    if pam.pam_start_confdir(service, account, ctypes.byref(conversation), place, ctypes.byref(handle)):
        sys.exit("pam_start_confdir failed")
    pam.pam_set_item(handle, 3, b"pts/indelible")
    pam.pam_set_item(handle, 4, b"host.example")
    for function in pam.pam_authenticate, pam.pam_acct_mgmt, pam.pam_open_session, pam.pam_close_session:
        print(function(handle, 0), flush=True)
    pam.pam_end(handle, 0)
"""


def library():
    """The machine's libpam, with pam_start_confdir (Linux-PAM 1.4)."""
    name = ctypes.util.find_library("pam")
    try:
        found = ctypes.CDLL(name)
        found.pam_start_confdir
    except (OSError, AttributeError, TypeError):
        raise Skip("no libpam with pam_start_confdir")
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return [line.split()[-1] for line in maps if "/libpam.so" in line][0]


def configure(work, service, answer):
    with open(f"{work}/{service}", "w", encoding="utf-8") as file:
        file.write(f"auth required pam_{answer}.so\naccount required pam_permit.so\nsession required pam_permit.so\n")


def ask(work, service, times=1, **environment):
    return subprocess.Popen([sys.executable, "-c", CLIENT, work, service, "alice", str(times)], text=True,
                            env=dict(os.environ, **environment), stdout=subprocess.PIPE)


def logins(chain, service):
    return [r for r in records(chain, "--kind", "login") if r["service"] == service]


@case
def each_answer_is_recorded(work):
    chain = work + "/chain"
    library()
    configure(work, "refuses", "deny")
    configure(work, "permits", "permit")
    collector = Collector(chain)
    said = [ask(work, service).communicate()[0].split() for service in ("refuses", "permits")]
    collector.stop()
    equal(said, [["7", "0", "0", "0"], ["0", "0", "0", "0"]], "what PAM said")
    actions = ["authenticate", "account", "open_session", "close_session"]
    found = logins(chain, "refuses")
    equal([(r["action"], r["result"], r.get("error")) for r in found],
          list(zip(actions, [7, 0, 0, 0], ["PAM_AUTH_ERR", None, None, None])))
    for r in found:
        equal((r["account"], r["tty"], r["remote_host"], r["ring"], r["flags"]),
              ("alice", "pts/indelible", "host.example", "self", ["unverified"]))
    equal([(r["action"], r["result"]) for r in logins(chain, "permits")], [(a, 0) for a in actions])
    equal(verdict(chain)["verdict"], "OK")


@case
def another_copy_of_the_library_is_noticed(work):
    """As in a container: nobody used it before the collector began."""
    chain, copy = work + "/chain", work + "/lib"
    configure(work, "copied", "deny")
    os.mkdir(copy)
    shutil.copyfile(library(), copy + "/libpam.so.0")
    os.chmod(copy + "/libpam.so.0", 0o644)
    collector = Collector(chain)
    client = ask(work, "copied", 100, LD_LIBRARY_PATH=copy)
    end = time.monotonic() + 60
    while not logins(chain, "copied") and time.monotonic() < end:
        time.sleep(0.3)
    client.kill()
    client.wait()
    collector.stop()
    assert logins(chain, "copied"), "no answer of the copy was recorded"


@case
def a_copy_that_others_can_write_is_left_alone(work):
    """Its symbols would be read by the collector."""
    chain, copy = work + "/chain", work + "/lib"
    configure(work, "writable", "deny")
    os.mkdir(copy)
    shutil.copyfile(library(), copy + "/libpam.so.0")
    os.chmod(copy + "/libpam.so.0", 0o666)
    collector = Collector(chain)
    ask(work, "writable", 5, LD_LIBRARY_PATH=copy).communicate()
    collector.stop()
    opened = [r for r in records(chain, "--kind", "open") if r["path"] == copy + "/libpam.so.0"]
    assert opened, "the copy was not opened at all"
    equal(logins(chain, "writable"), [], "logins of a library that anybody can change")


main()
