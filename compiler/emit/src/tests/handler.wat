(func $entities.order.states.open.when.paid (;18;) (type 6) (param i32 i32) (result i32)
    (local i32 i32)
    block ;; label = @1
      block ;; label = @2
        local.get 0
        i32.load8_u
        i32.eqz
        br_if 0 (;@2;)
        local.get 0
        f64.load offset=8
        f64.const 0x0p+0 (;=0;)
        f64.le
        br_if 0 (;@2;)
        local.get 1
        call $create
        local.get 1
        i32.const 0
        local.get 0
        call $increment
        br_if 1 (;@1;)
        block ;; label = @3
          local.get 1
          i32.load offset=84
          i32.const 4
          i32.eq
          if (result i32) ;; label = @4
            local.get 1
            i32.load offset=88
            i32.load align=1
            i32.const 1684828007
            i32.eq
          else
            i32.const 0
          end
          local.tee 3
          i32.eqz
          br_if 0 (;@3;)
          local.get 1
          i32.const 0
          call $transition
          br_if 2 (;@1;)
        end
      end
      i32.const 0
      return
    end
    i32.const 1
