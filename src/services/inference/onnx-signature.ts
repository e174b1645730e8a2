/** An input or output of an ONNX file. Symbolic dimensions are strings; a map or a sequence is no tensor. */
export interface OnnxValue {
  readonly name: string;
  readonly isTensor: boolean;
  /** Element type in ONNX Runtime's words (`float32`, `int64`, `string`, …); undefined when it is no tensor. */
  readonly type: string | undefined;
  readonly shape: readonly (number | string)[];
}

/** What an ONNX file takes and gives, in its own order. */
export interface OnnxSignature {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}
