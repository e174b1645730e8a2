import {
  concatBytes,
  fieldsOf,
  lengthDelimited,
  textOf,
  varintField,
  type WireField,
} from './protobuf-wire.js';

/** The two inputs that stand for a string input: its values are `dictionary[codes[row]]`. */
export interface CodedInput {
  /** int32, in the shape that the string input had. */
  readonly codes: string;
  /** string, [n]. */
  readonly dictionary: string;
}

export function codedInput(name: string): CodedInput {
  return { codes: `${name}/hindcast-codes`, dictionary: `${name}/hindcast-dictionary` };
}

// Field numbers of onnx.proto (https://github.com/onnx/onnx, Apache-2.0).
const ofModel = { graph: 7, opsetImport: 8 };
const ofOpset = { domain: 1 };
const ofGraph = { node: 1, input: 11 };
const ofNode = { input: 1, output: 2, opType: 4 };
const ofValue = { name: 1, type: 2 };
const ofType = { tensor: 1 };
const ofTensor = { elementType: 1, shape: 2 };
const ofShape = { dimension: 1 };
const elementTypes = { int32: 6, string: 8 };

/**
 * The same ONNX model with each of the named string inputs replaced by codes and a dictionary, which a Gather inside the graph puts together
 * again: a batch then crosses into the runtime as integers and its few distinct strings, not as a string a row. Every other node is as it was,
 * and sees the same strings. Undefined: the file is not such that this can be done (no operators of the default domain, or an
 * input that is not there as a string tensor).
 */
export function withCodedStrings(model: Uint8Array, inputs: readonly string[]): Uint8Array | undefined {
  const fields = fieldsOf(model);
  const graphs = fields?.filter(({ number }) => number === ofModel.graph) ?? [];
  const [graph] = graphs;
  if (fields === undefined || graph === undefined || graphs.length !== 1) return undefined;
  if (!fields.some(importsDefaultDomain)) return undefined;
  const coded = graphWithCodes(graph.value, new Set(inputs));
  if (coded === undefined) return undefined;
  return concatBytes(
    fields.map((field) => (field === graph ? lengthDelimited(ofModel.graph, coded) : field.whole)),
  );
}

function importsDefaultDomain({ number, value }: WireField): boolean {
  if (number !== ofModel.opsetImport) return false;
  const domain = fieldsOf(value)?.find((field) => field.number === ofOpset.domain);
  return domain === undefined || ['', 'ai.onnx'].includes(textOf(domain.value));
}

function graphWithCodes(graph: Uint8Array, names: ReadonlySet<string>): Uint8Array | undefined {
  const fields = fieldsOf(graph);
  if (fields === undefined) return undefined;
  const gathers: Uint8Array[] = [];
  const rest: Uint8Array[] = [];
  for (const field of fields) {
    const name = field.number === ofGraph.input ? nameOf(field.value) : undefined;
    if (name === undefined || !names.has(name)) {
      rest.push(field.whole);
      continue;
    }
    const shape = shapeOfStrings(field.value);
    if (shape === undefined) return undefined;
    const { codes, dictionary } = codedInput(name);
    const anyLength = lengthDelimited(ofShape.dimension, new Uint8Array());
    rest.push(
      lengthDelimited(ofGraph.input, tensorInput(codes, elementTypes.int32, shape)),
      lengthDelimited(ofGraph.input, tensorInput(dictionary, elementTypes.string, anyLength)),
    );
    gathers.push(lengthDelimited(ofGraph.node, gather(dictionary, codes, name)));
  }
  // Nodes stand in the order in which they are computed.
  return gathers.length === names.size ? concatBytes([...gathers, ...rest]) : undefined;
}

function nameOf(input: Uint8Array): string | undefined {
  const name = fieldsOf(input)?.find(({ number }) => number === ofValue.name);
  return name === undefined ? undefined : textOf(name.value);
}

/** The bytes of the shape; undefined: not a tensor of strings of known rank. */
function shapeOfStrings(input: Uint8Array): Uint8Array | undefined {
  const type = fieldsOf(input)?.find(({ number }) => number === ofValue.type);
  const tensor = fieldsOf(type?.value)?.find(({ number }) => number === ofType.tensor);
  const parts = fieldsOf(tensor?.value);
  const elements = parts?.find(({ number }) => number === ofTensor.elementType);
  if (elements?.varint !== elementTypes.string) return undefined;
  return parts?.find(({ number }) => number === ofTensor.shape)?.value;
}

function tensorInput(name: string, elementType: number, shape: Uint8Array): Uint8Array {
  const tensor = concatBytes([
    varintField(ofTensor.elementType, elementType),
    lengthDelimited(ofTensor.shape, shape),
  ]);
  return concatBytes([
    lengthDelimited(ofValue.name, bytesOf(name)),
    lengthDelimited(ofValue.type, lengthDelimited(ofType.tensor, tensor)),
  ]);
}

function gather(data: string, indices: string, output: string): Uint8Array {
  return concatBytes([
    lengthDelimited(ofNode.input, bytesOf(data)),
    lengthDelimited(ofNode.input, bytesOf(indices)),
    lengthDelimited(ofNode.output, bytesOf(output)),
    lengthDelimited(ofNode.opType, bytesOf('Gather')),
  ]);
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
