// This is a generated file! Please edit source .ksy file and use kaitai-struct-compiler to rebuild

(function (root, factory) {
  if (typeof define === 'function' && define.amd) {
    define(['exports', 'kaitai-struct/KaitaiStream'], factory);
  } else if (typeof exports === 'object' && exports !== null && typeof exports.nodeType !== 'number') {
    factory(exports, require('kaitai-struct/KaitaiStream'));
  } else {
    factory(root.Elf64Core || (root.Elf64Core = {}), root.KaitaiStream);
  }
})(typeof self !== 'undefined' ? self : this, function (Elf64Core_, KaitaiStream) {
/**
 * File header of a little-endian ELF64 file. Program headers are not described: a core file can have more of them than
 * e_phnum can count (PN_XNUM), and they are read as a table.
 * @see System V gABI, chapter 4, "ELF Header"; Linux include/uapi/linux/elf.h
 */

var Elf64Core = (function() {
  Elf64Core.Classes = Object.freeze({
    ELF32: 1,
    ELF64: 2,

    1: "ELF32",
    2: "ELF64",
  });

  Elf64Core.Data = Object.freeze({
    LSB: 1,
    MSB: 2,

    1: "LSB",
    2: "MSB",
  });

  function Elf64Core(_io, _parent, _root) {
    this._io = _io;
    this._parent = _parent;
    this._root = _root || this;

    this._read();
  }
  Elf64Core.prototype._read = function() {
    this.magic = this._io.readBytes(4);
    if (!((KaitaiStream.byteArrayCompare(this.magic, new Uint8Array([127, 69, 76, 70])) == 0))) {
      throw new KaitaiStream.ValidationNotEqualError(new Uint8Array([127, 69, 76, 70]), this.magic, this._io, "/seq/0");
    }
    this.eiClass = this._io.readU1();
    this.eiData = this._io.readU1();
    this.eiRest = this._io.readBytes(10);
    this.eType = this._io.readU2le();
    this.eMachine = this._io.readU2le();
    this.eVersion = this._io.readU4le();
    this.eEntry = new U64(this._io, this, this._root);
    this.ePhoff = new U64(this._io, this, this._root);
    this.eShoff = new U64(this._io, this, this._root);
    this.eFlags = this._io.readU4le();
    this.eEhsize = this._io.readU2le();
    this.ePhentsize = this._io.readU2le();
    this.ePhnum = this._io.readU2le();
    this.eShentsize = this._io.readU2le();
    this.eShnum = this._io.readU2le();
    this.eShstrndx = this._io.readU2le();
  }

  /**
   * Two 32-bit words, because a JavaScript number is exact up to 2^53 only.
   */

  var U64 = Elf64Core.U64 = (function() {
    function U64(_io, _parent, _root) {
      this._io = _io;
      this._parent = _parent;
      this._root = _root;

      this._read();
    }
    U64.prototype._read = function() {
      this.lo = this._io.readU4le();
      this.hi = this._io.readU4le();
    }

    return U64;
  })();

  return Elf64Core;
})();
Elf64Core_.Elf64Core = Elf64Core;
});
