// This is a generated file! Please edit source .ksy file and use kaitai-struct-compiler to rebuild

(function (root, factory) {
  if (typeof define === 'function' && define.amd) {
    define(['exports', 'kaitai-struct/KaitaiStream'], factory);
  } else if (typeof exports === 'object' && exports !== null && typeof exports.nodeType !== 'number') {
    factory(exports, require('kaitai-struct/KaitaiStream'));
  } else {
    factory(root.KdumpSubHeader || (root.KdumpSubHeader = {}), root.KaitaiStream);
  }
})(typeof self !== 'undefined' ? self : this, function (KdumpSubHeader_, KaitaiStream) {
/**
 * struct kdump_sub_header of a 64-bit machine, in block 1 of the file. Which fields are valid depends on
 * header_version; the contents of later fields are undefined.
 * @see makedumpfile diskdump_mod.h
 */

var KdumpSubHeader = (function() {
  function KdumpSubHeader(_io, _parent, _root) {
    this._io = _io;
    this._parent = _parent;
    this._root = _root || this;

    this._read();
  }
  KdumpSubHeader.prototype._read = function() {
    this.physBase = new U64(this._io, this, this._root);
    this.dumpLevel = this._io.readS4le();
    this.split = this._io.readS4le();
    this.startPfn = new U64(this._io, this, this._root);
    this.endPfn = new U64(this._io, this, this._root);
    this.offsetVmcoreinfo = new U64(this._io, this, this._root);
    this.sizeVmcoreinfo = new U64(this._io, this, this._root);
    this.offsetNote = new U64(this._io, this, this._root);
    this.sizeNote = new U64(this._io, this, this._root);
    this.offsetEraseinfo = new U64(this._io, this, this._root);
    this.sizeEraseinfo = new U64(this._io, this, this._root);
    this.startPfn64 = new U64(this._io, this, this._root);
    this.endPfn64 = new U64(this._io, this, this._root);
    this.maxMapnr64 = new U64(this._io, this, this._root);
  }

  /**
   * Two 32-bit words, because a JavaScript number is exact up to 2^53 only.
   */

  var U64 = KdumpSubHeader.U64 = (function() {
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

  /**
   * since version 1
   */

  /**
   * since version 2
   */

  /**
   * since version 2; obsolete since version 6
   */

  /**
   * since version 3
   */

  /**
   * since version 4
   */

  /**
   * since version 5
   */

  /**
   * since version 6
   */

  return KdumpSubHeader;
})();
KdumpSubHeader_.KdumpSubHeader = KdumpSubHeader;
});
