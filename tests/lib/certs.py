"""A certification authority of our own, made once per run."""
import collections
import fcntl
import os
import subprocess

import places

# Paths of files: CA certificate, server certificate, key, both in one.
Certificate = collections.namedtuple("Certificate", "ca crt key pem")

# name: (subjectAltName, extra arguments, signed by)
KINDS = {
    "good": ("DNS:localhost,IP:127.0.0.1", ["-days", "2"], "ca"),
    "renewed": ("DNS:localhost,IP:127.0.0.1", ["-days", "2"], "ca"),
    "otherhost": ("DNS:mail.example.org", ["-days", "2"], "ca"),
    "expired": ("DNS:localhost,IP:127.0.0.1", ["-days", "-1"], "ca"),
    "stranger": ("DNS:localhost,IP:127.0.0.1", ["-days", "2"], "stranger-ca"),
}
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def make_ca(folder, name):
    openssl(folder, "req", "-x509", *KEY, "-days", "2", "-subj", "/CN=tern test " + name,
            "-keyout", name + ".key", "-out", name + ".crt")


def make(folder, kind):
    names, extra, signer = KINDS[kind]
    if not os.path.exists(os.path.join(folder, signer + ".crt")):
        make_ca(folder, signer)
    with open(os.path.join(folder, kind + ".san"), "w") as f:
        f.write("subjectAltName=%s\n" % names)
    openssl(folder, "req", *KEY, "-subj", "/CN=" + names.split(",")[0].split(":")[1],
            "-keyout", kind + ".key", "-out", kind + ".csr")
    openssl(folder, "x509", "-req", "-in", kind + ".csr", "-CA", signer + ".crt", "-CAkey", signer + ".key",
            "-CAcreateserial", *extra, "-extfile", kind + ".san", "-out", kind + ".crt.new")
    with open(os.path.join(folder, kind + ".pem"), "w") as out:
        for part in (kind + ".key", kind + ".crt.new"):
            with open(os.path.join(folder, part)) as f:
                out.write(f.read())
    os.rename(os.path.join(folder, kind + ".crt.new"), os.path.join(folder, kind + ".crt"))


def get(kind="good"):
    """A server certificate of one of KINDS; `ca` is always the CA that tests trust."""
    folder = os.path.join(places.run_dir(), "certs")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(folder, "ca.crt")):
            make_ca(folder, "ca")
        if not os.path.exists(os.path.join(folder, kind + ".crt")):
            make(folder, kind)
    path = os.path.join(folder, kind)
    return Certificate(os.path.join(folder, "ca.crt"), path + ".crt", path + ".key", path + ".pem")


def fingerprint(crt):
    out = subprocess.run(["openssl", "x509", "-in", crt, "-noout", "-fingerprint", "-sha256"], check=True,
                         capture_output=True, text=True).stdout
    return out.split("=", 1)[1].strip()
