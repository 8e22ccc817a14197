"""A scripted model behind an OpenAI-compatible URL: streams its answers, counts what it is asked.

The prompt decides: "tool NAME {json}" asks for that tool call once, then answers; otherwise the answer repeats the prompt.
"""
import collections
import http.server
import json
import re
import threading
import time


class ScriptedModel:
    def __init__(self, pause_s=0.0, chunks=4, status=200):
        self.pause_s, self.chunks, self.status = pause_s, chunks, status
        self.requests = 0
        self.asked = collections.Counter()  # by prompt: an answer ends with how often it was asked for
        self.bodies = []

    def __enter__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *unused):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests += 1
                outer.asked[body["messages"][-1].get("content") or ""] += 1
                outer.bodies.append(body)
                try:
                    outer.answer(self, body)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *unused):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler, body):
        if self.status != 200:
            text = json.dumps({"error": {"message": "scripted failure"}}).encode()
            handler.send_response(self.status)
            handler.send_header("Content-Length", str(len(text)))
            handler.end_headers()
            handler.wfile.write(text)
            return
        last = body["messages"][-1]
        prompt = last.get("content") or ""
        wanted = re.match(r"tool (\w+) (\{.*\})", prompt)
        usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
        if wanted and last["role"] == "user":
            call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": wanted.group(1), "arguments": wanted.group(2)}}
            deltas, reason = [{"role": "assistant", "content": None}, {"tool_calls": [call]}], "tool_calls"
        else:
            text = f"answer to: {prompt} #{self.asked[prompt]}"
            size = max(1, len(text) // self.chunks)
            deltas = [{"role": "assistant", "content": None}] + [{"content": text[i:i + size]} for i in range(0, len(text), size)]
            reason = "stop"
        if not body.get("stream"):
            message = {"role": "assistant", "content": "".join(delta.get("content") or "" for delta in deltas)}
            text = json.dumps({"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage}).encode()
            handler.send_response(200)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(text)))
            handler.end_headers()
            handler.wfile.write(text)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        events = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        events.append({"choices": [], "usage": usage})
        for event in events:
            handler.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
            handler.wfile.flush()
            if self.pause_s:
                time.sleep(self.pause_s)
        handler.wfile.write(b"data: [DONE]\n\n")
