"""What the cluster takes from the host and gives back: an address, a route, sysctls, iptables.

The node's address sits on an interface of our own: nothing depends on the machine's others, and
no outsider reaches it. The interface is an empty bridge, since some kernels have no dummy device.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from devcluster.layout import INTERFACE, NODE, NODE_IP, POD_CIDR, SERVICE_CIDR, DevClusterError
from devcluster.progress import call

# The kubelet and kube-proxy change these for the whole machine; `down` puts back what was there.
SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
    "net/netfilter/nf_conntrack_tcp_timeout_established",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
_SYS = Path("/proc/sys")
_IFALIAS = Path("/sys/class/net") / INTERFACE / "ifalias"
# Where another program (Docker is one) has set the policy DROP, pods would not reach each other.
_FORWARD = [
    ["FORWARD", side, POD_CIDR, "-m", "comment", "--comment", NODE, "-j", "ACCEPT"]
    for side in ("-s", "-d")
]


def up(state: Path) -> None:
    """Make the interface, route and rules that are missing. Raises when another cluster has it."""
    _save_sysctls(state / "sysctl.json")
    (_SYS / "net/ipv4/ip_forward").write_text("1")
    if not _IFALIAS.exists():
        call(["ip", "link", "add", INTERFACE, "type", "bridge"])
        call(["ip", "link", "set", INTERFACE, "alias", state])
    elif (other := _IFALIAS.read_text().strip()) not in ("", str(state)):
        raise DevClusterError(
            f"a cluster at {other} is up on this machine; take it down with"
            f" OREMILL_CACHE={Path(other).parent} python -m devcluster down"
        )
    call(["ip", "address", "replace", f"{NODE_IP}/32", "dev", INTERFACE])
    call(["ip", "link", "set", INTERFACE, "up"])
    call(["ip", "route", "replace", SERVICE_CIDR, "dev", INTERFACE, "src", NODE_IP])
    rules = call(["iptables-save", "-t", "filter"])
    for rule in _FORWARD:
        if f"-A {' '.join(rule)}" not in rules:
            call(["iptables", "-w", "-I", *rule])


def down(state: Path) -> None:
    """Take all of it back. Pods' veth pairs went with their network namespaces."""
    if _IFALIAS.exists():
        call(["ip", "link", "delete", INTERFACE])
    for family in ("iptables", "ip6tables"):
        if script := removal(_rules(family)):
            call([f"{family}-restore", "--noflush", "-w"], stdin=script)
    _restore_sysctls(state / "sysctl.json")


def leftovers() -> list[str]:
    """What of ours the host still carries, as lines for a person."""
    found = [f"interface {INTERFACE}"] if _IFALIAS.exists() else []
    if shutil.which("ip"):
        addresses = call(["ip", "-oneline", "-4", "address", "show"]).splitlines()
        names = [line.split()[1] for line in addresses if f" {NODE_IP}/" in line]
        found += [f"veth {name}" for name in names if name != INTERFACE]
    for family in ("iptables", "ip6tables"):
        count = sum(line.startswith("-") for line in removal(_rules(family)).splitlines())
        found += [f"{count} {family} rules and chains"] if count else []
    return found


def _rules(family: str) -> str:
    return call([f"{family}-save"]) if shutil.which(f"{family}-save") else ""


def removal(saved: str) -> str:
    """From what `iptables-save` says, what `iptables-restore --noflush` must read to remove ours.

    Ours are the KUBE- chains (of kube-proxy and the kubelet), the rules that jump to them, and
    those with our comment. Other people's rules are not touched, not even rewritten.
    """
    lines: list[str] = []
    for block in re.findall(r"^\*.*?^COMMIT$", saved, re.MULTILINE | re.DOTALL):
        table, *rest = block.splitlines()
        chains = [line[1:].split()[0] for line in rest if line.startswith(":KUBE-")]
        jumps = [line for line in rest if _is_ours(line)]
        if chains or jumps:
            lines += [table, *(f"-D{line[2:]}" for line in jumps)]
            lines += [f"-F {c}" for c in chains] + [f"-X {c}" for c in chains] + ["COMMIT"]
    return "".join(line + "\n" for line in lines)


def _is_ours(line: str) -> bool:
    """A rule in a chain of someone else's that we (or kube-proxy) put there."""
    if not line.startswith("-A ") or line.startswith("-A KUBE-"):
        return False
    return " -j KUBE-" in line or f"--comment {NODE} " in line


def _save_sysctls(path: Path) -> None:
    """Once a cluster's life: a second `up` would save what the kubelet has set."""
    if path.exists():
        return
    values = {name: (_SYS / name).read_text() for name in SYSCTLS if (_SYS / name).exists()}
    path.write_text(json.dumps(values))


def _restore_sysctls(path: Path) -> None:
    if not path.exists():
        return
    for name, value in json.loads(path.read_text()).items():
        if (_SYS / name).read_text() != value:
            (_SYS / name).write_text(value)
