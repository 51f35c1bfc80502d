;; WASI preview 1 for a module that may reach nothing. It is linked into the component, so that the component imports
;; no WASI: the clock stands still, random bytes are constant, output vanishes, input is empty, there are no files, no
;; arguments and no environment. Functions of sockets and signals are left out on purpose: a module that imports one is
;; refused by its name.
(module
  (import "env" "memory" (memory 0))

  ;; Results: 0 success, 8 bad descriptor, 70 not seekable, 76 not capable.

  ;; One second after the epoch. Not zero, which the Go runtime takes for a broken clock.
  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $time i32) (result i32)
    (i64.store (local.get $time) (i64.const 1000000000))
    (i32.const 0))
  (func (export "clock_res_get") (param $clock i32) (param $resolution i32) (result i32)
    (i64.store (local.get $resolution) (i64.const 1000000000))
    (i32.const 0))
  (func (export "random_get") (param $buffer i32) (param $length i32) (result i32)
    (memory.fill (local.get $buffer) (i32.const 0x2a) (local.get $length))
    (i32.const 0))
  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param $code i32) (unreachable))

  ;; Arguments and environment: none.
  (func $no_texts (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $no_texts))
  (export "environ_sizes_get" (func $no_texts))
  (func $no_text (param i32 i32) (result i32) (i32.const 0))
  (export "args_get" (func $no_text))
  (export "environ_get" (func $no_text))

  ;; Every subscription is ready at once: $in has 48 bytes each, $out 32.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $ready i32) (result i32)
    (local $left i32)
    (local.set $left (local.get $count))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (memory.fill (local.get $out) (i32.const 0) (i32.const 32))
        (i64.store (local.get $out) (i64.load (local.get $in)))
        (i32.store8 offset=10 (local.get $out) (i32.load8_u offset=8 (local.get $in)))
        (local.set $in (i32.add (local.get $in) (i32.const 48)))
        (local.set $out (i32.add (local.get $out) (i32.const 32)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $ready) (local.get $count))
    (i32.const 0))

  ;; Descriptors 0, 1 and 2 are open, others are not.
  (func $standard (param $fd i32) (result i32)
    (select (i32.const 0) (i32.const 8) (i32.lt_u (local.get $fd) (i32.const 3))))
  (func (export "fd_write") (param $fd i32) (param $parts i32) (param $count i32) (param $written i32) (result i32)
    (local $sum i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $parts))))
        (local.set $parts (i32.add (local.get $parts) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $written) (local.get $sum))
    (call $standard (local.get $fd)))
  (func (export "fd_read") (param $fd i32) (param $parts i32) (param $count i32) (param $read i32) (result i32)
    (i32.store (local.get $read) (i32.const 0))
    (call $standard (local.get $fd)))
  (func (export "fd_close") (param $fd i32) (result i32) (call $standard (local.get $fd)))
  (func (export "fd_fdstat_get") (param $fd i32) (param $stat i32) (result i32)
    (memory.fill (local.get $stat) (i32.const 0) (i32.const 24))
    (i32.store8 (local.get $stat) (i32.const 2)) ;; a character device
    (call $standard (local.get $fd)))
  (func (export "fd_fdstat_set_flags") (param $fd i32) (param $flags i32) (result i32)
    (call $standard (local.get $fd)))
  (func (export "fd_seek") (param $fd i32) (param $offset i64) (param $whence i32) (param $position i32) (result i32)
    (i32.const 70))
  (func (export "fd_tell") (param $fd i32) (param $position i32) (result i32) (i32.const 70))

  ;; No folder is open, so no path leads anywhere.
  (func $no_folder (param i32 i32) (result i32) (i32.const 8))
  (export "fd_prestat_get" (func $no_folder))
  (export "fd_filestat_get" (func $no_folder))
  (export "fd_renumber" (func $no_folder))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_sync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_datasync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func $no_position (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (export "fd_pread" (func $no_position))
  (export "fd_pwrite" (func $no_position))
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 76))
  (func $no_path (param i32 i32 i32) (result i32) (i32.const 76))
  (export "path_create_directory" (func $no_path))
  (export "path_remove_directory" (func $no_path))
  (export "path_unlink_file" (func $no_path))
  (func $no_path_5 (param i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (export "path_filestat_get" (func $no_path_5))
  (export "path_symlink" (func $no_path_5))
  (func $no_path_6 (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (export "path_readlink" (func $no_path_6))
  (export "path_rename" (func $no_path_6))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 76)))
