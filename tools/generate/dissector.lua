-- Wireshark dissector of captures that bwc writes as pcapng (--capture X.pcapng): frames and opened messages.
-- From the declarations of the protocol by python -m tools.generate.dissector: not to be edited.
-- Copy it into Wireshark's folder of personal Lua plugins, or: tshark -X lua_script:bwc.lua -r X.pcapng

-- TABLES

local bwc = Proto("bwc", "Body-worn camera protocol")
local reply_flag, error_flag, event_flag = 1, 2, 4
local held = {[1] = "frame", [2] = "message", [3] = "refused", [4] = "no frame"}
local senders = {[0] = "host", [1] = "device"}

local f = {
  holds = ProtoField.uint8("bwc.holds", "Holds", base.DEC, held),
  sender = ProtoField.uint8("bwc.sender", "Sender", base.DEC, senders),
  channel = ProtoField.uint8("bwc.channel", "Channel", base.DEC),
  type = ProtoField.uint8("bwc.type", "Type", base.DEC, frame_types, 0x0f),
  version = ProtoField.uint8("bwc.version", "Version", base.DEC, nil, 0xf0),
  link = ProtoField.uint32("bwc.link", "Link", base.HEX),
  epoch = ProtoField.uint8("bwc.epoch", "Epoch", base.DEC),
  window = ProtoField.uint8("bwc.window", "Window", base.DEC),
  seq = ProtoField.uint16("bwc.seq", "Sequence number", base.DEC),
  ack = ProtoField.uint16("bwc.ack", "Acknowledged", base.DEC),
  sack = ProtoField.uint32("bwc.sack", "Held beyond it", base.HEX),
  length = ProtoField.uint32("bwc.length", "Length", base.DEC),
  host_nonce = ProtoField.uint32("bwc.host_nonce", "Host nonce", base.HEX),
  max_payload = ProtoField.uint16("bwc.max_payload", "Largest payload", base.DEC),
  reset = ProtoField.uint8("bwc.reset", "Reason", base.DEC, reset_reasons),
  bye = ProtoField.uint8("bwc.bye", "Reason", base.DEC, bye_reasons),
  retry = ProtoField.uint32("bwc.retry_after_ms", "Retry after, ms", base.DEC),
  opcode = ProtoField.uint16("bwc.opcode", "Opcode", base.HEX),
  flags = ProtoField.uint16("bwc.flags", "Flags", base.HEX),
  request = ProtoField.uint32("bwc.request", "Request", base.DEC),
  name = ProtoField.string("bwc.name", "Name"),
  text = ProtoField.string("bwc.refused", "Refused"),
  bad = ProtoField.bytes("bwc.bad", "Bytes of no frame"),
}
local broken = ProtoExpert.new("bwc.malformed", "Breaks its declaration", expert.group.MALFORMED, expert.severity.ERROR)

-- A field of its own for each field of each message, so that all can be filtered by: bwc.device.status.charge_pct
local all = {}
for _, one in pairs(f) do all[#all + 1] = one end

local function own(prefix, fields)
  for _, field in ipairs(fields) do
    if not field.proto then
      field.proto = ProtoField.string("bwc." .. prefix .. "." .. field[1], field[1])
      all[#all + 1] = field.proto
    end
  end
end

for name, fields in pairs(records) do own(name:lower(), fields) end
for _, c in pairs(commands) do
  own(c.name, c.request)
  own(c.name .. ".reply", c.reply)
end
for _, e in pairs(events) do own(e.name, e.body) end
for _, k in pairs(controls) do own(k.name, k.body) end
own("error", error_body)
bwc.fields = all
bwc.experts = {broken}

local sizes = {u8 = 1, u16 = 2, u32 = 4, u64 = 8, i16 = 2, i32 = 4, i64 = 8, bool = 1, enum = 1, flags = 4}
sizes["u16?"], sizes["u32?"], sizes["i64?"] = 2, 4, 8

local function names_of(value, names)
  local found = {}
  for bit, name in pairs(names) do
    if bit ~= 0 and math.floor(value / bit) % 2 == 1 then found[#found + 1] = name end
  end
  table.sort(found)
  return #found > 0 and table.concat(found, "|") or "none"
end

local function shown(field, range)
  local kind = field[2]
  local value
  if kind == "u64" then value = tostring(range:le_uint64())
  elseif kind == "i64" or kind == "i64?" then value = tostring(range:le_int64())
  elseif kind:sub(1, 1) == "i" then value = tostring(range:le_int())
  else value = tostring(range:le_uint()) end
  if kind == "bool" then return value == "1" and "true" or "false" end
  if kind == "enum" then return field.names[range:le_uint()] or ("unknown(" .. value .. ")") end
  if kind == "flags" then return names_of(range:le_uint(), field.names) end
  local none = {["u16?"] = "65535", ["u32?"] = "4294967295", ["i64?"] = "-9223372036854775808"}
  if none[kind] == value then return "not known" end
  return field.unit and (value .. " " .. field.unit) or value
end

-- A body may end before a field that a later version appended (new), and nowhere else.
local function ends_before(tree, field)
  if not field.new then tree:add_proto_expert_info(broken, "there is no " .. field[1]) end
end

-- The fields of one record in `body`.
local function fields_in(tree, body, fields)
  local at = 0
  for _, field in ipairs(fields) do
    local kind, left = field[2], body:len() - at
    if left == 0 then return ends_before(tree, field) end
    local size = sizes[kind] or (kind == "bytes" and field.size) or 2
    if left < size then return tree:add_proto_expert_info(broken, field[1] .. " is cut off") end
    if sizes[kind] then
      tree:add(field.proto, body(at, size), shown(field, body(at, size)))
    elseif kind == "bytes" then
      tree:add(field.proto, body(at, size), tostring(body(at, size):bytes()):lower())
    elseif kind == "items" then
      local count = body(at, 2):le_uint()
      local list = tree:add(field.proto, body(at), count .. " items")
      for _ = 1, count do
        if body:len() - at - size < 2 then return tree:add_proto_expert_info(broken, "an item is cut off") end
        local length = body(at + size, 2):le_uint()
        if body:len() - at - size - 2 < length then
          return tree:add_proto_expert_info(broken, "an item is cut off")
        end
        if length > 0 then
          local item = list:add(body(at + size + 2, length), field[1])
          fields_in(item, body(at + size + 2, length):tvb(), field.of)
        end
        size = size + 2 + length
      end
    else
      local length = body(at, 2):le_uint()
      if left - 2 < length then return tree:add_proto_expert_info(broken, field[1] .. " is cut off") end
      size = 2 + length
      local range = length > 0 and body(at + 2, length) or nil
      if kind == "text" then
        tree:add(field.proto, body(at, size), range and range:string(ENC_UTF_8) or "")
      elseif kind == "record" then
        local inner = tree:add(field.proto, body(at, size), "")
        if range then fields_in(inner, range:tvb(), field.of) end
      else
        tree:add(field.proto, body(at, size), range and tostring(range:bytes()):lower() or "")
      end
    end
    at = at + size
  end
end

local function control_in(tree, kind, data)
  if data:len() == 0 then return "" end
  local name = frame_types[kind]
  if name == "HELLO" and data:len() >= 12 then
    tree:add_le(f.host_nonce, data(0, 4))
    tree:add_le(f.max_payload, data(4, 2))
  elseif name == "HELLO_ACK" and data:len() >= 8 then
    tree:add_le(f.host_nonce, data(0, 4))
    tree:add_le(f.max_payload, data(4, 2))
  elseif name == "BYE" and data:len() >= 9 then
    tree:add_le(f.host_nonce, data(0, 4))
    tree:add_le(f.retry, data(4, 4))
    tree:add(f.bye, data(8, 1))
    return "(" .. (bye_reasons[data(8, 1):uint()] or "?") .. ")"
  elseif name == "RESET" and data:len() >= 4 then
    tree:add(f.reset, data(0, 1))
    tree:add(f.retry, data(2, 2), data(2, 2):le_uint())
    return "(" .. (reset_reasons[data(0, 1):uint()] or "?") .. ")"
  end
  return ""
end

local function frame_in(tree, data)
  local kind = data(2, 1):uint() % 16
  tree:add(f.version, data(2, 1))
  tree:add(f.type, data(2, 1))
  tree:add_le(f.link, data(4, 4))
  tree:add(f.epoch, data(8, 1))
  tree:add(f.window, data(9, 1))
  tree:add_le(f.seq, data(10, 2))
  tree:add_le(f.ack, data(12, 2))
  tree:add_le(f.length, data(14, 2))
  tree:add_le(f.sack, data(16, 4))
  local word = ""
  if data:len() > 24 then word = control_in(tree, kind, data(24):tvb()) end
  return (frame_types[kind] or ("type " .. kind)) .. word .. " epoch " .. data(8, 1):uint() .. " seq "
    .. data(10, 2):le_uint() .. " ack " .. data(12, 2):le_uint() .. " window " .. data(9, 1):uint()
    .. ", " .. data(14, 2):le_uint() .. " bytes"
end

-- What an opcode with these flags is called, and the fields of its body.
local function declared(opcode, flags)
  local command = commands[opcode]
  local name = command and command.name or (events[opcode] and events[opcode].name)
    or (controls[opcode] and controls[opcode].name) or string.format("opcode 0x%04x", opcode)
  if flags == error_flag then return name .. " error", error_body end
  if flags == event_flag then return name .. " event", events[opcode] and events[opcode].body end
  if flags == reply_flag then return name .. " reply", command and command.reply end
  if controls[opcode] then return name, controls[opcode].body end
  return name .. " request", command and command.request
end

local function message_in(tree, data)
  local opcode, flags, request = data(4, 2):le_uint(), data(6, 2):le_uint(), data(8, 4):le_uint()
  local name, fields = declared(opcode, flags)
  tree:add_le(f.length, data(0, 4))
  tree:add_le(f.opcode, data(4, 2))
  tree:add_le(f.flags, data(6, 2))
  tree:add_le(f.request, data(8, 4))
  tree:add(f.name, data(4, 2), name)
  if data:len() > 12 and fields then
    fields_in(tree, data(12):tvb(), fields)
  elseif fields and fields[1] then
    ends_before(tree, fields[1])
  end
  local code = ""
  if flags == error_flag and data:len() > 12 then
    code = " " .. (error_codes[data(12, 1):uint()] or data(12, 1):uint())
  end
  return name .. code .. (request > 0 and (" " .. request) or "")
end

function bwc.dissector(buffer, packet, root)
  packet.cols.protocol = "BWC"
  if buffer:len() < 4 or buffer(0, 1):uint() ~= 1 then return 0 end
  local holds, data = buffer(1, 1):uint(), buffer:len() > 4 and buffer(4):tvb() or nil
  local tree = root:add(bwc, buffer(), "Body-worn camera protocol, " .. (held[holds] or "?"))
  tree:add(f.holds, buffer(1, 1))
  tree:add(f.sender, buffer(2, 1))
  tree:add(f.channel, buffer(3, 1))
  packet.cols.src = senders[buffer(2, 1):uint()] or "?"
  packet.cols.dst = senders[1 - buffer(2, 1):uint()] or "?"
  local told = held[holds] or "?"
  if holds == 1 and data and data:len() >= 24 then told = frame_in(tree, data)
  elseif holds == 2 and data and data:len() >= 12 then told = message_in(tree, data)
  elseif holds == 3 and data then
    tree:add(f.text, data(), data():string(ENC_UTF_8))
    told = "refused: " .. data():string(ENC_UTF_8)
  elseif holds == 4 and data and data:len() > 4 then
    tree:add(f.bad, data(4))
    told = data(0, 4):le_uint() .. " bytes that belong to no frame"
  end
  packet.cols.info = told
  return buffer:len()
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, bwc)
