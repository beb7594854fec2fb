"""A GPU for tests: sessions of onnxruntime that say CUDA."""

import onnxruntime

from emotion.onnx.devices import CPU, CUDA


class OnGpu(onnxruntime.InferenceSession):  # type: ignore[misc]
    """A session as onnxruntime-gpu gives it: it says CUDA, and may fail as CUDA does. The CPU does the work."""

    opens = True
    runs_left = 1000

    def __init__(self, graph: str, options: object, providers: list[object], **others: object) -> None:
        self.on_gpu = providers != [CPU]
        if self.on_gpu:
            assert (providers, others) == ([(CUDA, {"use_tf32": "0"}), CPU], {"enable_fallback": 0})
            if not self.opens:
                raise RuntimeError("cuda_call.cc:122 [with T = int] CUDA failure 35: no driver ; GPU=-1 ; line=336")
        super().__init__(graph, options, providers=[CPU])

    def get_providers(self) -> list[str]:
        return [CUDA, CPU] if self.on_gpu else [CPU]

    def run(self, *arguments: object) -> object:
        if self.on_gpu:
            self.runs_left -= 1
            if self.runs_left < 0:
                raise RuntimeError("core/bfc_arena.cc:376 Failed to allocate memory for a buffer\n")
        return super().run(*arguments)
