#!/usr/bin/env python3
"""deny_sockets.py COMMAND...: runs a command that gets no IPv6 sockets, as on a kernel started with ipv6.disable=1.

A seccomp filter makes socket(AF_INET6, ...) fail with EAFNOSUPPORT, the error of such a kernel, in the command and its
children."""
import ctypes
import errno
import os
import platform
import socket
import struct
import sys

SOCKET_CALL = {"x86_64": 41, "aarch64": 198}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # of classic BPF
CALL_NUMBER, FIRST_ARGUMENT = 0, 16  # offsets in struct seccomp_data
ALLOW, FAIL = 0x7FFF0000, 0x00050000


def instruction(code: int, if_true: int, if_false: int, operand: int) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand)


def deny_ipv6_sockets() -> None:
    program = b"".join([
        instruction(LOAD_WORD, 0, 0, CALL_NUMBER),
        instruction(JUMP_IF_EQUAL, 0, 3, SOCKET_CALL[platform.machine()]),
        instruction(LOAD_WORD, 0, 0, FIRST_ARGUMENT),
        instruction(JUMP_IF_EQUAL, 0, 1, socket.AF_INET6),
        instruction(RETURN, 0, 0, FAIL | errno.EAFNOSUPPORT),
        instruction(RETURN, 0, 0, ALLOW),
    ])
    text = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in [(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header)]:
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), f"prctl{arguments[:2]}")


deny_ipv6_sockets()
try:
    socket.socket(socket.AF_INET6)
    sys.exit("deny_sockets.py: expected no IPv6 socket, found one")
except OSError as error:
    assert error.errno == errno.EAFNOSUPPORT, error
os.execvp(sys.argv[1], sys.argv[1:])
