"""Checked reading of JSON, CSV, NumPy and Parquet: limits size before allocation, validates types, one-line errors."""

import contextlib
import csv
import json
import os
import re
from collections.abc import Collection, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pydantic

from ccc.core.errors import CCCError, first_line
from ccc.core.files import regular

if TYPE_CHECKING:
    import pandas
    import pyarrow as pa

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
LARGEST = 1 << 29  # bytes of a JSON file, or of all arrays or columns in a file
Count = Annotated[int, pydantic.Field(ge=0, lt=1 << 53)]  # of pixels, pictures or bytes
LOOSE = pydantic.ConfigDict(extra="allow", strict=True, allow_inf_nan=False)  # of a TypedDict: keeps other keys
UNEXPECTED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)  # of odd contents


@contextlib.contextmanager
def reading(path: str | os.PathLike, wrong: str, remedy: str, *errors: type[Exception]) -> Generator[None]:
    """Turn errors of the block that reads `path` into CCCError: "PATH: WRONG (reason); REMEDY", or "no such file".

    `errors`: kinds that the library at work raises for damaged files, beside `UNEXPECTED`.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise CCCError(f"{error.filename or path}: no such file; {remedy}") from None
    except (*UNEXPECTED, *errors) as error:
        raise CCCError(f"{path}: {wrong} ({first_line(error)}); {remedy}") from None


def read_json(path: str | os.PathLike, what: str, remedy: str, kind: Any = None, largest: int = LARGEST) -> Any:
    """Read a JSON file and validate its value against the type `kind`, if given, with pydantic.

    `what`: the content in messages, such as "codebook"; `remedy`: what the user should do. Raises CCCError, naming the
    file, if it is missing, too large, not JSON, nested too deep, or of another type.
    """
    try:
        if (size := regular(path).stat().st_size) > largest:
            raise ValueError(f"{size:,} bytes, at most {largest:,}")
        text = Path(path).read_text(encoding="utf-8")
        value = json.loads(text, parse_constant=_no_number)
        if SURROGATE.search(text):  # halves of a character: one alone cannot be written anywhere
            json.dumps(value, ensure_ascii=False).encode()
        return value if kind is None else typed(value, kind)
    except FileNotFoundError:
        raise CCCError(f"{path}: no such {what}; {remedy}") from None
    except RecursionError:
        reason = "nested too deep"
    except (ValueError, OSError) as error:
        reason = str(error)
    raise CCCError(f"{path}: no readable {what} ({reason}); {remedy}")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def typed(value: Any, kind: Any) -> Any:
    """Validate `value` against a type with pydantic. Raises ValueError, one line, with the first wrong location."""
    try:
        return pydantic.TypeAdapter(kind).validate_python(value)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from None


def read_rows(path: str | os.PathLike, *columns: str) -> list[dict]:
    """Read the rows of a CSV file, texts by column. Bytes that are not UTF-8 become U+FFFD.

    Raises FileNotFoundError if it is missing, CCCError if it is not a regular file, ValueError, one line, if it is no
    CSV or lacks one of `columns`.
    """
    with open(regular(path), encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        try:
            rows, found = list(reader), reader.fieldnames or ()
        except csv.Error as error:
            raise ValueError(str(error)) from None
    if missing := [name for name in columns if name not in found]:
        raise ValueError(f"no column {missing[0]}")
    return rows


def read_arrays(path: str | os.PathLike, names: Collection[str] | None = None, largest: int = LARGEST) -> dict:
    """Read the arrays of an `.npz` file by name, only `names` if given, or the array of an `.npy` file under "".

    They have the machine's byte order. Refuses pickles. Raises FileNotFoundError if the file is missing, CCCError if it
    is not a regular file, ValueError, one line, if it is broken or larger than `largest` bytes.
    """
    import numpy as np

    try:
        if (size := regular(path).stat().st_size) > largest:
            raise ValueError(f"{size:,} bytes, at most {largest:,}")
        with open(path, "rb") as file:
            if not file.read(6).startswith((b"\x93NUMPY", b"PK")):
                raise ValueError("neither .npy nor .npz")
            file.seek(0)
            found = np.load(file, allow_pickle=False)
            if isinstance(found, np.ndarray):
                found = {"": found}
            elif (total := sum(member.file_size for member in found.zip.infolist())) > largest:
                raise ValueError(f"{total:,} bytes unpacked, at most {largest:,}")
            read = {name: found[name] for name in found if names is None or name in names}
            # A member that is no array comes as its bytes.
            arrays = {name: array for name, array in read.items() if isinstance(array, np.ndarray)}
            return {name: array.astype(array.dtype.newbyteorder("="), copy=False) for name, array in arrays.items()}
    except (CCCError, FileNotFoundError):
        raise
    except Exception as error:  # zip, zlib and NumPy raise different types for a truncated file
        raise ValueError(first_line(error)) from None


def read_table(path: str | os.PathLike, schema: "pa.Schema | None" = None) -> "pa.Table":
    """Read a Parquet file as a pyarrow table.

    Raises FileNotFoundError if it is missing, CCCError if it is not a regular file, ValueError, one line, if it is
    broken, has a schema other than `schema`, or holds more than `LARGEST` bytes.
    """
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(regular(path)) as file:
            facts = file.metadata
            total = sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
            if max(total, facts.num_rows) > LARGEST:
                raise ValueError(f"{total:,} bytes in {facts.num_rows:,} rows, at most {LARGEST:,}")
            if schema is not None and not file.schema_arrow.equals(schema):
                raise ValueError("its columns are others")
            return file.read()
    except (CCCError, FileNotFoundError):
        raise
    except Exception as error:  # Arrow raises ValueError, OSError and Exception
        raise ValueError(first_line(error)) from None


def read_numbers(path: str | os.PathLike, columns: Sequence[str], remedy: str, **how) -> "pandas.DataFrame":
    """Read a CSV file, in whose `columns` all values are finite numbers from 0 on.

    `how`: of `pandas.read_csv`. Raises CCCError, naming the file, if it is missing or anything else.
    """
    import numpy as np
    import pandas

    with reading(path, "not readable", remedy):
        table = pandas.read_csv(regular(path), **how)
        if lacking := [name for name in columns if name not in table]:
            raise ValueError(f"no column {' and '.join(lacking)}")
        for name in columns:
            table[name] = pandas.to_numeric(table[name])
            if not (np.isfinite(table[name]) & (table[name] >= 0)).all():
                raise ValueError(f"values of {name} that are not finite numbers from 0 on")
    return table
