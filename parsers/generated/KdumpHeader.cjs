// This is a generated file! Please edit source .ksy file and use kaitai-struct-compiler to rebuild

(function (root, factory) {
  if (typeof define === 'function' && define.amd) {
    define(['exports', 'kaitai-struct/KaitaiStream'], factory);
  } else if (typeof exports === 'object' && exports !== null && typeof exports.nodeType !== 'number') {
    factory(exports, require('kaitai-struct/KaitaiStream'));
  } else {
    factory(root.KdumpHeader || (root.KdumpHeader = {}), root.KaitaiStream);
  }
})(typeof self !== 'undefined' ? self : this, function (KdumpHeader_, KaitaiStream) {
/**
 * struct disk_dump_header of a 64-bit little-endian machine. It is in the first block of the file.
 * @see makedumpfile diskdump_mod.h; QEMU include/sysemu/dump.h
 */

var KdumpHeader = (function() {
  function KdumpHeader(_io, _parent, _root) {
    this._io = _io;
    this._parent = _parent;
    this._root = _root || this;

    this._read();
  }
  KdumpHeader.prototype._read = function() {
    this.signature = this._io.readBytes(8);
    if (!((KaitaiStream.byteArrayCompare(this.signature, new Uint8Array([75, 68, 85, 77, 80, 32, 32, 32])) == 0))) {
      throw new KaitaiStream.ValidationNotEqualError(new Uint8Array([75, 68, 85, 77, 80, 32, 32, 32]), this.signature, this._io, "/seq/0");
    }
    this.headerVersion = this._io.readS4le();
    this.utsname = new NewUtsname(this._io, this, this._root);
    this.padding = this._io.readBytes(6);
    this.timestamp = this._io.readBytes(16);
    this.status = this._io.readU4le();
    this.blockSize = this._io.readS4le();
    this.subHdrSize = this._io.readS4le();
    this.bitmapBlocks = this._io.readU4le();
    this.maxMapnr = this._io.readU4le();
    this.totalRamBlocks = this._io.readU4le();
    this.deviceBlocks = this._io.readU4le();
    this.writtenBlocks = this._io.readU4le();
    this.currentCpu = this._io.readU4le();
    this.nrCpus = this._io.readS4le();
  }

  var NewUtsname = KdumpHeader.NewUtsname = (function() {
    function NewUtsname(_io, _parent, _root) {
      this._io = _io;
      this._parent = _parent;
      this._root = _root;

      this._read();
    }
    NewUtsname.prototype._read = function() {
      this.sysname = this._io.readBytes(65);
      this.nodename = this._io.readBytes(65);
      this.release = this._io.readBytes(65);
      this.version = this._io.readBytes(65);
      this.machine = this._io.readBytes(65);
      this.domainname = this._io.readBytes(65);
    }

    return NewUtsname;
  })();

  /**
   * in blocks
   */

  /**
   * both bitmaps together
   */

  /**
   * number of frames; obsolete since header version 6
   */

  return KdumpHeader;
})();
KdumpHeader_.KdumpHeader = KdumpHeader;
});
