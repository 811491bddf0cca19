#!/usr/bin/env python3
"""Looks at a flame graph as a browser shows it: each box has its colour, and those with room have readable text.

usage: check_picture.py GRAPH.svg PICTURE.png [NAME...]    PICTURE: the graph, drawn 1600 pixels wide; NAME: functions that
                                                           must have a box wide enough for text
"""
import re
import struct
import sys
import xml.dom.minidom
import zlib


def read_png(path):
    """Rows of bytes, and bytes a pixel; 8 bits a channel, not interlaced (PNG specification, section 11)."""
    data = open(path, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colour in (2, 6) and interlaced == 0
            size = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    plain = zlib.decompress(packed)
    rows, before = [], bytearray(width * size)
    for y in range(height):
        start = y * (width * size + 1)
        row = bytearray(plain[start + 1:start + 1 + width * size])
        for x in range(width * size):
            left = row[x - size] if x >= size else 0
            corner = before[x - size] if x >= size else 0
            row[x] = row[x] + predicted(plain[start], left, before[x], corner) & 255
        rows.append(row)
        before = row
    return rows, size


def predicted(kind, left, up, corner):
    if kind == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda one: abs(guess - one))
    return (0, left, up, (left + up) // 2)[kind]


def main():
    svg = xml.dom.minidom.parse(sys.argv[1])
    rows, size = read_png(sys.argv[2])
    assert len(rows[0]) == 1600 * size, "not 1600 pixels wide"
    pixel = lambda x, y: tuple(rows[y][x * size:x * size + 3])
    boxes, texts, seen = 0, 0, set()
    for group in svg.getElementsByTagName("g"):
        rectangle = group.getElementsByTagName("rect")[0]
        x, y, width = (float(rectangle.getAttribute(name)) for name in ("x", "y", "width"))
        if width < 8:
            continue
        colour = tuple(int(one) for one in re.findall(r"\d+", rectangle.getAttribute("fill")))
        right, middle = int(x + width) - 3, int(y) + 2
        assert pixel(right, middle) == colour, (group.toxml(), pixel(right, middle))
        boxes += 1
        if width < 100:
            continue
        dark = sum(sum(pixel(column, line)) < 180 for line in range(int(y) + 2, int(y) + 15)
                   for column in range(int(x) + 3, int(x) + 60))
        assert dark > 30, (group.toxml(), dark)
        texts += 1
        seen.add(group.getElementsByTagName("title")[0].firstChild.data.split(" ")[0])
    assert boxes > 50 and texts > 10, (boxes, texts)
    assert seen.issuperset(sys.argv[3:]), sorted(seen)
    print(f"ok: {boxes} boxes have their colour, {texts} a text")


main()
