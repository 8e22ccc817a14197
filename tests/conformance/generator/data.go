// SPDX-License-Identifier: Apache-2.0
package main

// data is what every case sees: as templates under its own names, in CEL as the variable `d`.
const data = `{
  "name": "Ada", "empty": "", "text": "Hello, World!", "padded": "  x  ", "multi": "a\nb\nc", "uni": "héllo wörld ✓",
  "quote": "say \"hi\" & <bye>", "csv": "a,b,c", "snake": "first_second_third", "camel": "firstSecondThird", "path": "/usr/local/bin/tool.tar.gz",
  "zero": 0, "one": 1, "n": 42, "neg": -7, "big": 9007199254740993, "f": 3.75, "half": 0.5, "negf": -2.5, "exp": 1e21,
  "yes": true, "no": false, "nothing": null,
  "list": [3, 1, 2], "words": ["pear", "apple", "fig"], "dup": ["a", "b", "a", "c", "b"], "nested": [[1, 2], [3]], "none": [],
  "mixed": [1, "two", 3.5, true, null], "holes": ["a", "", "b", null, 0],
  "map": {"b": 2, "a": 1, "c": 3}, "user": {"name": "Ada", "age": 36, "tags": ["x", "y"], "address": {"city": "London", "zip": null}}, "void": {},
  "rows": [{"id": 1, "name": "one", "ok": true}, {"id": 2, "name": "two", "ok": false}, {"id": 3, "name": "three", "ok": true}],
  "json": "{\"k\": [1, 2, {\"z\": true}]}", "b64": "aGVsbG8=", "num": "12", "fnum": "2.5", "bad": "x1"
}`
