"""Sound at another rate than the extractor's: what the extractor does with it, and what users then do before it.

transformers' extractors do not resample: most refuse another rate by name, and pipelines resample first. So it is done here, as a
part of `media_decode`, by cutting or filling up the spectrum, which changes nothing below half of the lower rate.
"""

from typing import Any

from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.material import parts

REFUSES = "before the processor, which refuses another rate"
TAKES_FOR_OWN = "before the processor, which would take any rate for its own"


def resample(samples: Any, rate: int, wanted: int) -> Any:
    """Give SAMPLES, float32 at RATE a second, at WANTED a second. The length in seconds stays, to one sample."""
    import numpy as np

    if rate == wanted or not len(samples):
        return samples
    count = max(round(len(samples) * wanted / rate), 1)
    spectrum = np.fft.rfft(np.asarray(samples, dtype="float32"))
    kept = np.zeros(count // 2 + 1, dtype=spectrum.dtype)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    return (np.fft.irfft(kept, count) * (count / len(samples))).astype("float32")


def before(loaded: Loaded, rate: int) -> str:
    """Tell why sound at RATE is resampled before LOADED's extractor: it is given a second of it, and a second at its own rate.

    Raises Refused where the extractor resamples by itself: then nothing has to be done before it.
    """
    import numpy as np

    extractor = parts.feature_extractor(loaded)
    own = int(extractor.sampling_rate)
    try:
        got = extractor(np.zeros(rate, dtype="float32"), sampling_rate=rate)
    except (ValueError, TypeError):
        return REFUSES
    if _frames(got) != _frames(extractor(np.zeros(own, dtype="float32"), sampling_rate=own)):
        return TAKES_FOR_OWN
    msg = f"audio_rate {rate}: {type(extractor).__name__} resamples by itself, which this version does not hand sound to"
    raise Refused(msg, ReasonCode.NOT_IN_VERSION)


def _frames(features: Any) -> tuple[int, ...]:
    import numpy as np

    shape: tuple[int, ...] = np.asarray(next(iter(features.values()))).shape
    return shape
