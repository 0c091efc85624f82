# Compresses every file named on standard input ("LEVEL PATH" a line) with the zlib that Python is linked to, as a raw
# stream at memLevel 8, and prints the digest of each stream; the version of zlib goes first.
import hashlib
import sys
import zlib

print(zlib.ZLIB_RUNTIME_VERSION)
for line in sys.stdin:
    level, path = line.split()
    encoder = zlib.compressobj(int(level), zlib.DEFLATED, -15, 8)
    with open(path, "rb") as file:
        stream = encoder.compress(file.read()) + encoder.flush()
    print(hashlib.sha256(stream).hexdigest())
