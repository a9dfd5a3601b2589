"""Our subset of the protocol against Envoy's own messages, bytes for bytes."""

from collections.abc import Callable
from typing import Any

import pytest
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.filters.http.ext_proc.v3 import ProcessingModeBodySendMode
from envoy_data_plane.envoy.service.ext_proc import v3 as real
from envoy_data_plane.envoy.type import v3 as kind
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from semrouter_extproc.extproc._pb import ext_proc_pb2 as ours

REAL_MODULES = (real, core, kind)


def real_class(name: str) -> Any:
    return next(getattr(module, name) for module in REAL_MODULES if hasattr(module, name))


def filled(descriptor: Descriptor, *, choice: int) -> dict[str, Any]:
    """Return a value for every field, and for the `choice`-th member of every oneof."""
    values: dict[str, Any] = {}
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if oneof is not None and oneof.fields[choice % len(oneof.fields)] is not field:
            continue
        value = filled_field(field, choice=choice)
        values[field.name] = [value, value] if field.is_repeated else value
    return values


def filled_field(field: FieldDescriptor, *, choice: int) -> Any:
    match field.type:
        case FieldDescriptor.TYPE_MESSAGE:
            return filled(message_of(field), choice=choice)
        case FieldDescriptor.TYPE_BYTES:
            return b"\x00bytes\xff"
        case FieldDescriptor.TYPE_STRING:
            return "text ü"
        case FieldDescriptor.TYPE_BOOL:
            return True
        case FieldDescriptor.TYPE_ENUM:
            return enum_of(field).values[-1].number
        case _:
            return 404


def message_of(field: FieldDescriptor) -> Descriptor:
    assert field.message_type is not None
    return field.message_type


def enum_of(field: FieldDescriptor) -> EnumDescriptor:
    assert field.enum_type is not None
    return field.enum_type


def as_plain(message: Message) -> dict[str, Any]:
    """Return what is set in one of our messages, as plain values."""
    plain: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            plain[field.name] = (
                [as_plain(item) for item in value] if field.is_repeated else as_plain(value)
            )
        else:
            plain[field.name] = list(value) if field.is_repeated else value
    return plain


ENUMS = {
    "BodySendMode": ProcessingModeBodySendMode,
    "HeaderAppendAction": core.HeaderValueOptionHeaderAppendAction,
}


def as_real(descriptor: Descriptor, values: dict[str, Any]) -> Any:
    """Build Envoy's own message from the values of ours."""
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        convert = converter(descriptor.fields_by_name[name])
        repeated = descriptor.fields_by_name[name].is_repeated
        arguments[name] = [convert(item) for item in value] if repeated else convert(value)
    return real_class(descriptor.name)(**arguments)


def converter(field: FieldDescriptor) -> Callable[[Any], Any]:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return lambda value: as_real(message_of(field), value)
    if field.type == FieldDescriptor.TYPE_ENUM:
        return ENUMS[enum_of(field).name]
    # Envoy lists the statuses by name; ours takes any number.
    return (
        kind.StatusCode if field.full_name == "semrouter.HttpStatus.code" else lambda value: value
    )


MESSAGES = list(ours.DESCRIPTOR.message_types_by_name.values())
CASES = [
    pytest.param(descriptor, choice, id=f"{descriptor.name}-{choice}")
    for descriptor in MESSAGES
    for choice in range(max([len(oneof.fields) for oneof in descriptor.oneofs], default=1))
]


@pytest.mark.parametrize(("descriptor", "choice"), CASES)
def test_every_message_has_the_bytes_of_envoys_own(descriptor: Descriptor, choice: int) -> None:
    values = filled(descriptor, choice=choice)
    own_class = getattr(ours, descriptor.name)
    genuine = bytes(as_real(descriptor, values))

    assert as_plain(own_class.FromString(genuine)) == values
    assert own_class(**values).SerializeToString(deterministic=True) == genuine


@pytest.mark.parametrize("descriptor", MESSAGES, ids=lambda descriptor: descriptor.name)
def test_every_message_carries_fields_it_does_not_know(descriptor: Descriptor) -> None:
    own_class = getattr(ours, descriptor.name)
    unknown = b"\xfa\x3f\x03new"  # field 1023, three bytes

    assert own_class.FromString(unknown).SerializeToString() == unknown


def test_what_envoy_sends_beyond_our_subset_is_ignored() -> None:
    genuine = real.ProcessingRequest(
        request_headers=real.HttpHeaders(
            headers=core.HeaderMap(headers=[core.HeaderValue(key=":path", raw_value=b"/")])
        ),
        metadata_context=core.Metadata(),
        observability_mode=True,
    )

    message = ours.ProcessingRequest.FromString(bytes(genuine))

    assert message.request_headers.headers.headers[0].raw_value == b"/"


@pytest.mark.parametrize("enum", list(ours.DESCRIPTOR.enum_types_by_name))
def test_every_enum_has_envoys_numbers(enum: str) -> None:
    genuine = ENUMS[enum]

    assert dict(ours.DESCRIPTOR.enum_types_by_name[enum].values_by_name.items()).keys() == {
        member.name for member in genuine
    }
    for member in genuine:
        assert getattr(ours, member.name) == member.value
