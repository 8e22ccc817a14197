"""A real language model behind an OpenAI-compatible URL: llama.cpp in this process, one request at a time.

    python3 local_model_server.py MODEL.gguf SHIM.so      prints its port when it serves

Streaming and JSON schemas (as a grammar of llama.cpp) are real. It is a test-time part: run with PYTHONPATH to the parts.
"""
import codecs
import ctypes
import http.server
import json
import os
import sys
import threading

# The wheel was linked against a newer libstdc++, of which it lacks one symbol here; the test builds it beside the parts.
ctypes.CDLL(sys.argv[2], mode=ctypes.RTLD_GLOBAL)
from _llama_cpp_cpu import ffi, lib  # noqa: E402

CONTEXT = 4096


@ffi.def_extern(name="llama_cpp_cffi_ggml_log_callback")
def no_log(*unused):
    pass


class Model:
    """llama.cpp's C interface. Messages are written in ChatML, which is what SmolLM2 was taught."""

    def __init__(self, path):
        lib.llama_log_set(lib.llama_cpp_cffi_ggml_log_callback, ffi.NULL)
        lib.llama_backend_init()
        self.model = lib.llama_model_load_from_file(path.encode(), lib.llama_model_default_params())
        if self.model == ffi.NULL:
            raise RuntimeError("cannot load " + path)
        settings = lib.llama_context_default_params()
        settings.n_ctx = CONTEXT
        settings.n_batch = CONTEXT
        settings.n_threads = settings.n_threads_batch = max(1, (os.cpu_count() or 1) - 1)  # its threads spin: leave room
        self.context = lib.llama_init_from_model(self.model, settings)
        self.vocab = lib.llama_model_get_vocab(self.model)
        self.piece = ffi.new("char[]", 256)

    def tokens_of(self, messages):
        text = "".join(f"<|im_start|>{message['role']}\n{message.get('content') or ''}<|im_end|>\n" for message in messages)
        text = (text + "<|im_start|>assistant\n").encode()
        tokens = ffi.new("int32_t[]", CONTEXT)
        count = lib.llama_tokenize(self.vocab, text, len(text), tokens, CONTEXT, False, True)
        if count < 0:
            raise ValueError("the messages exceed the context")
        return tokens, count

    def sampler_of(self, schema):
        chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        if schema is not None:
            grammar = lib.llama_json_schema_to_grammar(json.dumps(schema).encode())
            lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_grammar(self.vocab, grammar, b"root"))
        lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_greedy())
        return chain

    def write(self, messages, schema, tokens_max):
        """The answer, piece by piece."""
        tokens, count = self.tokens_of(messages)
        lib.llama_kv_cache_clear(self.context)
        sampler = self.sampler_of(schema)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        last = ffi.new("int32_t[1]")
        try:
            for _ in range(min(tokens_max, CONTEXT - count)):
                if lib.llama_decode(self.context, lib.llama_batch_get_one(tokens, count)) != 0:
                    raise RuntimeError("llama_decode failed")
                last[0] = lib.llama_sampler_sample(sampler, self.context, -1)
                if lib.llama_token_is_eog(self.vocab, last[0]):
                    break
                size = lib.llama_token_to_piece(self.vocab, last[0], self.piece, 256, 0, False)
                text = decoder.decode(ffi.buffer(self.piece, size)[:])
                if text:
                    yield text
                tokens, count = last, 1
        finally:
            lib.llama_sampler_free(sampler)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    turn = threading.Lock()

    def log_message(self, *unused):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.close_connection = True
        try:
            with Handler.turn:
                self.answer(body)
        except (BrokenPipeError, ConnectionResetError):
            pass
        except Exception as error:  # the test shows it
            print("model server:", error, file=sys.stderr, flush=True)
            raise

    def answer(self, body):
        schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
        pieces = MODEL.write(body["messages"], schema, body.get("max_tokens", 160))
        streamed = body.get("stream", False)
        if streamed:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
        text, count = "", 0
        for piece in pieces:
            text += piece
            count += 1
            if streamed:
                self.write({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
        usage = {"prompt_tokens": 0, "completion_tokens": count, "total_tokens": count}
        if streamed:
            self.write({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})
            self.wfile.write(b"data: [DONE]\n\n")
            return
        message = {"role": "assistant", "content": text}
        whole = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole)

    def write(self, chunk):
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.flush()


if __name__ == "__main__":
    MODEL = Model(sys.argv[1])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
