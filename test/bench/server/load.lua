-- What wrk asks, by words after `--`, and what it found, as one line of JSON.
--   whole
--   ranges LENGTH BYTES      ranges of so many bytes, one after the other, of a file of that length
--   checks FILE [MILLISECONDS]  lines of path, token and body with tabs between; each connection waits so long in the middle
local kind, ranges, next_range, lines, next_line = "whole", {}, 0, {}, 0

function init(args)
  kind = args[1] or "whole"
  if kind == "ranges" then
    local length, bytes = tonumber(args[2]), tonumber(args[3])
    for first = 0, length - bytes, bytes do
      ranges[#ranges + 1] = "bytes=" .. first .. "-" .. (first + bytes - 1)
    end
  elseif kind == "checks" then
    for line in io.lines(args[2]) do lines[#lines + 1] = line end
    local wait = tonumber(args[3] or "0")
    if wait > 0 then delay = function() return math.random(0, 2 * wait) end end
  end
end

function request()
  if kind == "ranges" then
    next_range = next_range % #ranges + 1
    return wrk.format("GET", nil, { Range = ranges[next_range] })
  elseif kind == "checks" then
    next_line = next_line % #lines + 1
    local path, token, body = lines[next_line]:match("^([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = { ["Content-Type"] = "application/json", Authorization = "Bearer " .. token }
    return wrk.format("POST", path, headers, body)
  end
  return wrk.format("GET")
end

function done(summary, latency, _)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  print(string.format(
    '{"bytes":%d,"requests":%d,"microseconds":%d,"failed":%d,"p50":%d,"p99":%d}',
    summary.bytes, summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
