// What a normalizer in AssemblyScript sees of the engine.
//
// A result may depend on the record, the configuration and the tables, and on nothing else: batches are repeated, split
// and spread over many instances.

/** What a record is: the source's `input`. */
export enum Kind {
  /** `text` is the JSON object as it arrived. */
  Json,
  /** `names` and `texts` are the row's columns in order. */
  Row,
  /** `text` is a line without its end. */
  Text,
  /** `bytes` is a document, such as a whole file. */
  Bytes,
}

/** One raw record. */
export class RawRecord {
  text: string = "";
  names: string[] = [];
  texts: string[] = [];
  bytes: ArrayBuffer = new ArrayBuffer(0);

  constructor(public kind: Kind) {}
}

/** What `describe` answers. */
export class Description {
  private constructor(public text: string, public refused: bool) {}

  /** What the module makes, as JSON (see wit/normalizer.wit). */
  static of(json: string): Description {
    return new Description(json, false);
  }

  /** What is wrong with the configuration. */
  static refuse(reason: string): Description {
    return new Description(reason, true);
  }
}

/** Events of one record. */
export class Events {
  made: Event[] = [];

  /** Adds an event: its place in the description, microseconds since 1970, and one value for each of its fields, in order. */
  add(type: u32, micros: i64, values: Value[]): void {
    this.made.push(new Event(type, micros, values));
  }
}

/** One normalized event. */
export class Event {
  constructor(public type: u32, public micros: i64, public values: Value[]) {}
}

/** Why a record gives no events. It becomes a dead letter. */
export class Failure {
  /** A code (a letter, then up to 31 letters, digits, `-` and `_`), a sentence that names the value, and the field at fault. */
  constructor(public code: string, public message: string, public field: string = "") {}
}

/** A value of the definition language. */
export class Value {
  private constructor(public tag: u8, public bits: u64, public str: string) {}

  static null(): Value {
    return new Value(0, 0, "");
  }
  static boolean(flag: bool): Value {
    return new Value(1, flag ? 1 : 0, "");
  }
  static integer(number: i64): Value {
    return new Value(2, <u64>number, "");
  }
  static number(number: f64): Value {
    return new Value(3, reinterpret<u64>(number), "");
  }
  static text(text: string): Value {
    return new Value(4, 0, text);
  }
  /** Microseconds since 1970. */
  static datetime(micros: i64): Value {
    return new Value(5, <u64>micros, "");
  }
  /** A list or an object, as JSON text. */
  static json(text: string): Value {
    return new Value(7, 0, text);
  }
}
