"""Keys, encryption and decryption by TenSEAL (the extra `fedledger[he]`), which wraps Microsoft SEAL.

The library is given nothing but what `residues` checked, or what it made itself. It reads and writes files alone: they
are in memory where the system has such, else in a folder that its owner alone reads.
"""

import os
import tempfile
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.homomorphic.parameters import DEGREE, MODULI, PLAIN, POLYNOMIALS, SPECIAL
from ledger.homomorphic.residues import Residues
from ledger.rounds.rules.arithmetic import Sums

KEY_MODULI = (*MODULI, SPECIAL)
_HEADER = b"\x5e\xa1\x10"
"""SEAL's mark at the beginning of what it writes, and how long its header is: 16 bytes."""
_WORD = 8
_LARGEST = 1 << 20
"""Bytes of a ciphertext or key as SEAL writes it, at most."""


class Scheme:
    """The library under the parameters of encrypted sums. Raises UsageError where it is not installed."""

    def __init__(self) -> None:
        self.api, self._zstandard = _imported()
        made = self.api.EncryptionParameters(self.api.SCHEME_TYPE.BFV)
        made.set_poly_modulus_degree(DEGREE)
        made.set_coeff_modulus(self.api.CoeffModulus.Create(DEGREE, [prime.bit_length() for prime in KEY_MODULI]))
        made.set_plain_modulus(self.api.PlainModulus.Batching(DEGREE, PLAIN.bit_length()))
        primes = tuple(one.value() for one in made.coeff_modulus()), made.plain_modulus().value()
        self.context = self.api.SEALContext(made, True, self.api.SEC_LEVEL_TYPE.TC128)
        if primes != (KEY_MODULI, PLAIN) or not self.context.parameters_set():
            raise Unavailable(
                "this version of TenSEAL has other parameters", expected=(KEY_MODULI, PLAIN), actual=primes
            )
        self.version = self._written(made)[3:5]
        self.encoder = self.api.BatchEncoder(self.context)

    @cached_property
    def _level(self) -> bytes:
        return _words(self.context.first_parms_id())

    @cached_property
    def _key_level(self) -> bytes:
        return _words(self.context.key_parms_id())

    def make_key(self) -> tuple[Residues, Residues]:
        """A fresh secret key, (1, 3, 8192) residues, and its public key, (2, 3, 8192)."""
        maker, public = self.api.KeyGenerator(self.context), self.api.PublicKey()
        maker.create_public_key(public)
        secret = self._residues(maker.secret_key(), 1, len(KEY_MODULI))
        return secret, self._residues(public, POLYNOMIALS, len(KEY_MODULI))

    def encrypt(self, encryptor: Any, values: Sums) -> Residues:
        """The ciphertext of at most 8,192 values: (2, 2, 8192) residues. Other places of the block are zero."""
        plain, made = self.api.Plaintext(), self.api.Ciphertext()
        self.encoder.encode([*values.tolist(), *[0] * (DEGREE - len(values))], plain)
        encryptor.encrypt(plain, made)
        return self._residues(made, POLYNOMIALS, len(MODULI))

    def encryptor(self, public: Residues) -> Any:
        """What `encrypt` needs of a public key."""
        key = self._loaded(self.api.PublicKey(), self._form(self._key_level, True, len(KEY_MODULI)), public)
        return self.api.Encryptor(self.context, key)

    def decryptor(self, secret: Residues) -> Any:
        """What `decrypt` needs of a secret key."""
        head = self._key_level + _words([secret.size]) + np.float64(1).tobytes()
        return self.api.Decryptor(self.context, self._loaded(self.api.SecretKey(), head, secret))

    def decrypt(self, decryptor: Any, residues: Residues) -> tuple[Sums, int]:
        """The 8,192 values of a ciphertext, and the bits of room that its noise leaves: 0 where they are garbage."""
        form = self._form(self._level, False, len(MODULI))
        read, plain = self._loaded(self.api.Ciphertext(), form, residues), self.api.Plaintext()
        decryptor.decrypt(read, plain)
        values: Sums = np.array(self.encoder.decode_int64(plain), np.int64)
        return values, int(decryptor.invariant_noise_budget(read))

    def _form(self, level: bytes, transformed: bool, moduli: int) -> bytes:
        """What SEAL writes before a ciphertext's residues: level, form, sizes, scale, correction."""
        sizes = _words([POLYNOMIALS, DEGREE, moduli])
        return level + bytes([transformed]) + sizes + np.float64(1).tobytes() + _words([1])

    def _residues(self, made: Any, polynomials: int, moduli: int) -> Residues:
        """The residues of what the library made: the last that it writes."""
        data, count = self._written(made), polynomials * moduli * DEGREE
        if data[5]:
            with self._zstandard.ZstdDecompressor().stream_reader(BytesIO(data[16:])) as stream:
                data = stream.read(_LARGEST)
        residues: Residues = np.frombuffer(data[-count * _WORD :], "<u8").reshape(polynomials, moduli, DEGREE)
        return residues

    def _loaded(self, into: Any, head: bytes, residues: Residues) -> Any:
        inner = residues.astype("<u8", copy=False).tobytes()
        body = head + self._framed(_words([residues.size]) + inner)
        with _File(self._framed(body)) as name:
            try:
                into.load(self.context, name)
            except (RuntimeError, ValueError) as error:
                raise Malformed(f"TenSEAL does not take this: {error}") from error
        return into

    def _framed(self, body: bytes) -> bytes:
        """SEAL's header, for bytes that are not compressed."""
        return _HEADER + self.version + bytes(3) + _words([16 + len(body)]) + body

    def _written(self, made: Any) -> bytes:
        with _File(b"") as name:
            made.save(name)
            data = Path(name).read_bytes()
        if data[:3] != _HEADER:
            raise Unavailable("this version of TenSEAL writes another format", actual=data[:16])
        return data


class _File:
    """A file for a library that takes names alone: in memory, or in a folder of its owner's."""

    def __init__(self, data: bytes) -> None:
        self._data, self._handle = data, -1
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> str:
        if hasattr(os, "memfd_create"):
            self._handle = os.memfd_create("fedledger", os.MFD_CLOEXEC)
            name = f"/proc/self/fd/{self._handle}"
        else:
            self._folder = tempfile.TemporaryDirectory(prefix="fedledger-he-")
            name = str(Path(self._folder.name) / "file")
        if self._data:
            Path(name).write_bytes(self._data)
        return name

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()
        else:
            os.close(self._handle)


def _words(numbers: Any) -> bytes:
    return np.array(list(numbers), "<u8").tobytes()


def _imported() -> tuple[Any, Any]:
    try:
        import tenseal.sealapi as api
        import zstandard
    except ImportError as error:
        raise UsageError(
            "encryption of sums needs TenSEAL, which is not installed; checking them does not",
            advice="pip install 'fedledger[he]'",
        ) from error
    return api, zstandard
