"""What is tried again elsewhere: setting up a stream to the router, connecting to a model."""

from datetime import timedelta
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import BackoffStrategy
from envoy_data_plane.envoy.config.core.v3 import RetryPolicy as StreamRetryPolicy
from envoy_data_plane.envoy.config.core.v3 import (
    RetryPolicyRetryHostPredicate as StreamHostPredicate,
)
from envoy_data_plane.envoy.config.route.v3 import (
    RetryPolicy,
    RetryPolicyRetryBackOff,
    RetryPolicyRetryHostPredicate,
)
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts.v3 import PreviousHostsPredicate
from envoy_data_plane.google.protobuf import Any

_RETRIES: Final = 2
# Of two hosts, the dead one is the less busy: chosen anew, it comes up three times in four.
_HOSTS_TRIED: Final = 20
# The default first wait of up to a second would be felt by the client.
_FIRST_WAIT: Final = timedelta(milliseconds=5)
_LONGEST_WAIT: Final = timedelta(milliseconds=50)
_ANOTHER_HOST: Final = "envoy.retry_host_predicates.previous_hosts"


def stream_setup() -> StreamRetryPolicy:
    """Try another worker when a stream cannot be set up; once it is, nothing is repeated."""
    return StreamRetryPolicy(
        retry_on="connect-failure,refused-stream,reset",
        num_retries=_RETRIES,
        retry_back_off=BackoffStrategy(base_interval=_FIRST_WAIT, max_interval=_LONGEST_WAIT),
        retry_host_predicate=[
            StreamHostPredicate(name=_ANOTHER_HOST, typed_config=Any.pack(PreviousHostsPredicate()))
        ],
        host_selection_retry_max_attempts=_HOSTS_TRIED,
    )


def connecting() -> RetryPolicy:
    """Try another replica when a connection cannot be made: nothing has been sent yet."""
    return RetryPolicy(
        retry_on="connect-failure",
        num_retries=_RETRIES,
        retry_back_off=RetryPolicyRetryBackOff(
            base_interval=_FIRST_WAIT, max_interval=_LONGEST_WAIT
        ),
        retry_host_predicate=[
            RetryPolicyRetryHostPredicate(
                name=_ANOTHER_HOST, typed_config=Any.pack(PreviousHostsPredicate())
            )
        ],
        host_selection_retry_max_attempts=_HOSTS_TRIED,
    )
