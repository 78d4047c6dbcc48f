-- cli/text.lua: bytes that are no UTF-8, characters that act on a terminal, and how wide the others are.

local text = require("avepoint.elements.cli.text")
local hostile = require("spec.sandbox.hostile")

describe("text.repaired", function()
   it("leaves UTF-8 alone and gives U+FFFD for each byte that is none", function()
      for good, bad in pairs {
         [""] = "", ["plain"] = "plain", ["東京"] = "東京", ["\u{FFFD}"] = "\xff", ["a\u{FFFD}"] = "a\xc3",
         ["\u{FFFD}\u{FFFD}"] = "\xc0\x80", ["\u{FFFD}\u{FFFD}\u{FFFD}b"] = "\xed\xa0\x80b", ["a\0b"] = "a\0b",
      } do
         assert.equal(good, text.repaired(bad))
      end
      assert.equal(("\u{FFFD}"):rep(100000), text.repaired(("\xff"):rep(100000)))
   end)
end)

describe("text.harmless", function()
   it("shows control characters, C1 and DEL as \\xNN, and marks of direction and line ends as ?", function()
      assert.equal("a\\x1b[31m\\x00\\x09\\x0a\\x7f\\x9b", text.harmless("a\27[31m\0\t\n\127\u{9b}"))
      assert.equal("?????", text.harmless("\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}"))
      assert.equal("Žiga 東京 e\u{301}", text.harmless("Žiga 東京 e\u{301}"))
   end)

   it("leaves no byte that a terminal acts on, whatever comes", function()
      for byte = 0, 255 do
         for _, before in ipairs { "", "\xc2", "\xe2\x80", "\xe2\x81", "\xd8" } do
            local s = text.harmless(before .. string.char(byte) .. "x")
            assert.is_truthy(utf8.len(s), s)
            assert.is_nil(s:find("[\0-\31\127]"), s)
            assert.is_nil(s:find("\xc2[\x80-\x9f]"), s)
            assert.is_nil(s:find("\xe2\x80[\x8e\x8f\xa8-\xae]"), s)
         end
      end
   end)
end)

describe("text.width", function()
   it("counts wide characters twice and marks that combine not at all", function()
      for s, width in pairs {
         [""] = 0, ["abc"] = 3, ["Žiga"] = 4, ["東京"] = 4, ["e\u{301}"] = 1, ["🦊"] = 2, ["ｱ"] = 1, ["Ａ"] = 2, ["한"] = 2,
         ["\u{1100}\u{1161}"] = 2, ["Σοφία"] = 5, ["\u{200d}"] = 0, ["…"] = 1,
      } do
         assert.equal(width, text.width(s), s)
      end
   end)
end)

describe("text.cell", function()
   it("fills, aligns, and cuts with a mark", function()
      assert.equal("ab   ", text.cell("ab", 5))
      assert.equal("   ab", text.cell("ab", 5, true))
      assert.equal("abcde", text.cell("abcde", 5))
      assert.equal("abcd…", text.cell("abcdef", 5))
      assert.equal("…", text.cell("abc", 1))
      assert.equal("     ", text.cell("", 5))
      assert.equal("東京…", text.cell("東京都庁", 5))
      assert.equal("東京… ", text.cell("東京都庁", 6))
      assert.equal("東京都", text.cell("東京都", 6))
      assert.equal("e\u{301}a  ", text.cell("e\u{301}a", 4))
   end)

   it("is as wide as asked for, in time that the text's length doesn't matter to", function()
      local names = { table.unpack(hostile.NAMES) }
      names[#names + 1] = ("\u{301}"):rep(30000)
      names[#names + 1] = ("東"):rep(30000)
      names[#names + 1] = ("\xff"):rep(100000)
      names[#names + 1] = ("\27"):rep(100000)
      local began = os.clock()
      for _, name in ipairs(names) do
         for width = 1, 40 do
            local cell = text.cell(name, width)
            assert.equal(width, text.width(cell), cell)
            assert.is_nil(cell:find("[\0-\31\127]"))
            assert.is_true(#cell < 40 * width)
         end
      end
      assert.is_true(os.clock() - began < 1)
   end)
end)
