"""Recordings that lie elsewhere: the records of each year, fetched, checked, and unpacked into a tree."""

from gensup.retrieval.archives import Archive, archives_of, choose
from gensup.retrieval.catalogue import PARTS, Part, Source, part_of, sources, years
from gensup.retrieval.http import Client, Patience
from gensup.retrieval.listener import SILENT, Listener
from gensup.retrieval.receipts import Receipt, read_receipt, unpacked_paths, write_receipt
from gensup.retrieval.record import Checksum, Record, RecordFile, parse_record
from gensup.retrieval.transfer import fetch
from gensup.retrieval.zips import Member, unpack

__all__ = [
    "PARTS",
    "SILENT",
    "Archive",
    "Checksum",
    "Client",
    "Listener",
    "Member",
    "Part",
    "Patience",
    "Receipt",
    "Record",
    "RecordFile",
    "Source",
    "archives_of",
    "choose",
    "fetch",
    "parse_record",
    "part_of",
    "read_receipt",
    "sources",
    "unpack",
    "unpacked_paths",
    "write_receipt",
    "years",
]
