"""Logs in by OAUTHBEARER with libpq 18, and tells what SELECT answers or why not.

The token comes from a hook of libpq, where a program's own way to get one would stand; all else
is libpq's own: it asks the server where tokens come from, and compares that with the issuer.

    python oauth.py PORT ISSUER TOKEN
"""

import ctypes
import glob
import os
import sys

import psycopg
import psycopg_binary

OAUTH_BEARER_TOKEN = 1


class Request(ctypes.Structure):
    _fields_ = [
        ("openid_configuration", ctypes.c_char_p),
        ("scope", ctypes.c_char_p),
        ("poll", ctypes.c_void_p),
        ("cleanup", ctypes.c_void_p),
        ("token", ctypes.c_char_p),
        ("user", ctypes.c_void_p),
    ]


port, issuer, token = sys.argv[1:]


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(Request))
def hook(kind, _connection, request):
    if kind != OAUTH_BEARER_TOKEN:
        return 0
    print("from", request.contents.openid_configuration.decode())
    request.contents.token = token.encode()
    return 1


bundled = os.path.dirname(psycopg_binary.__file__) + ".libs/libpq-*"
libpq = ctypes.CDLL(glob.glob(bundled)[0])
libpq.PQsetAuthDataHook(hook)
os.environ["PGOAUTHDEBUG"] = "UNSAFE"  # the issuer is on loopback, without TLS
try:
    with psycopg.connect(
        host="127.0.0.1",
        port=port,
        user="anybody",
        dbname="postgres",
        oauth_issuer=issuer,
        oauth_client_id="agent-7",
        require_auth="oauth",
        options="-c portcullis.auth=oauth",
    ) as connection:
        print("in", connection.execute("SELECT 7").fetchone()[0])
except psycopg.OperationalError as error:
    print("out", error)
