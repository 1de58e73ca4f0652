#!/usr/bin/env python3
"""Do the built libraries call only what they may? Whatever an include hides, the symbol table shows:
calls that block or are unsafe, a library called from a foreign folder, I/O or a clock in core, and
names under src/amqp that could meet those of librabbitmq."""

import os
import re
import subprocess

import checklib

# Never called, from anywhere.
FORBIDDEN = [
    (r"(sleep|usleep|nanosleep|clock_nanosleep|poll|select|ppoll|pselect|wait|waitpid)",
     "blocks the loop"),
    (r"(getaddrinfo|gethostbyname\w*|gethostbyaddr\w*|getnameinfo|evutil_getaddrinfo)",
     "resolves names in the loop"),
    (r"(system|popen|fork|vfork)", "starts a process"),
    (r"(__)?(strcpy|strcat|sprintf|vsprintf|gets|stpcpy)(_chk)?", "writes without a limit"),
    (r"(strtok|asctime|ctime|gmtime|localtime|rand|srand|tmpnam|mktemp|alloca)", "unsafe or shared"),
    (r"(atoi|atol|atoll|atof)", "tells no error from zero"),
    (r"(amqp_login\w*|amqp_basic_\w+|amqp_simple_\w+|amqp_send_\w+|amqp_queue_\w+|amqp_exchange_\w+"
     r"|amqp_channel_\w+|amqp_connection_close|amqp_consume_message|amqp_read_message"
     r"|amqp_get_rpc_reply|amqp_socket_open\w*|amqp_open_socket\w*|amqp_tcp_socket_new"
     r"|amqp_confirm_select|amqp_tx_\w+|amqp_release_buffers)", "blocks or aborts in librabbitmq"),
    (r"(redisConnect\w*|redisv?Command\w*|redisv?AppendCommand\w*|redisGetReply|redisAsync\w*"
     r"|redisBuffer\w+)", "blocks in hiredis"),
    (r"cJSON_GetObjectItem|cJSON_HasObjectItem", "ignores case"),
]

# Callers of the above that do not block.
HARMLESS = {
    # Half a millisecond at most, between short turns that come too often.
    ("libnet.a(loop.o)", "nanosleep"),
    ("libbase.a(log.o)", "poll"),  # with a timeout of 0: whether stderr takes a line now
}

# Symbols of a library: the objects that may call them, as a pattern of LIBRARY(OBJECT).
THIRD_PARTY = [
    (r"evhttp_\w+", r"libops\.a\(http.*"),
    (r"(event|bufferevent|evbuffer|evdns|evutil|evconnlistener)_\w+",
     r"(libnet\.a\(.*|libops\.a\(http.*)"),
    (r"(SSL|X509|BIO|ERR|EVP|PEM|OPENSSL)_\w+", r"libnet\.a\(.*"),
    (r"redis(Reader|Format|v?Format)\w*", r"libredis\.a\(.*"),
    (r"amqp_\w+", r"libamqp\.a\(codec.*"),
    (r"cJSON_\w+", r"libbase\.a\(json.*"),
    (r"sqlite3_\w+", r"libspool\.a\(.*"),
    (r"sd_\w+", r"libapp\.a\(.*"),
]

# What core/ may not know: clocks, sockets, files, the environment, the process.
IMPURE = (r"(time|clock(?!_format$)\w*|gettimeofday|timespec_get|getrandom|getenv|secure_getenv|getpid"
          r"|socket|connect|bind|listen|accept4?|send\w*|recv\w*|shutdown|[gs]etsockopt"
          r"|open\w*|close|f?read|f?write|pread\w*|pwrite\w*|writev|readv|lseek|f?stat\w*|fopen\w*"
          r"|fclose|fgets|fputs|fputc|puts|printf|vprintf|fprintf|vfprintf|unlink|rename|fsync"
          r"|fdatasync|syslog|signal|sigaction|exit|_exit|pthread_\w+)")


def symbols(library, option):
    """(object, symbol) of every symbol that `nm option` lists in a library."""
    nm = os.environ.get("NM") or "nm"
    text = subprocess.run([nm, "-g", option, str(library)], capture_output=True, text=True,
                          check=True).stdout
    found, member = [], "?"
    for line in text.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        elif line.strip():
            found.append((member, line.split()[-1]))
    return found


def strip_prefix(member, library):
    """libamqp_a-codec.o and src/amqp/codec.o are both codec.o."""
    name = os.path.basename(member)
    return re.sub(rf"^{re.escape(library.stem)}_a-", "", name)


def check_library(findings, library):
    for member, symbol in symbols(library, "-u"):
        caller = f"{library.name}({strip_prefix(member, library)})"
        for pattern, reason in FORBIDDEN:
            if re.fullmatch(pattern, symbol) and (caller, symbol) not in HARMLESS:
                findings.add(caller, 0, f"calls {symbol}: {reason}")
        for pattern, allowed in THIRD_PARTY:
            if re.fullmatch(pattern, symbol):
                if not re.match(allowed, caller):
                    findings.add(caller, 0, f"calls {symbol}, which belongs to {allowed} only")
                break
        if library.name == "libcore.a" and re.fullmatch(IMPURE, symbol):
            findings.add(caller, 0, f"calls {symbol}: core knows no clock and no I/O")


def check_names(findings, library):
    for member, symbol in symbols(library, "--defined-only"):
        if not symbol.startswith(("rmq_", "_")):
            findings.add(f"{library.name}({member})", 0, f"exports {symbol}: must begin with rmq_")


def main():
    libraries = sorted(checklib.builddir.glob("lib*.a"))
    if not libraries:
        checklib.skip("nothing is built here")
    findings = checklib.Findings()
    for library in libraries:
        check_library(findings, library)
        if library.name == "libamqp.a":
            check_names(findings, library)
    findings.exit()


main()
