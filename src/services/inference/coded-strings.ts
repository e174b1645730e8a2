import {
  concatBytes,
  fieldsOf,
  hasField,
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
const ofNode = { input: 1, output: 2, opType: 4, attribute: 5 };
const ofAttribute = { graph: 6, graphs: 11 };
const ofValue = { name: 1, type: 2 };
const ofType = { tensor: 1 };
const ofTensor = { elementType: 1, shape: 2 };
const ofShape = { dimension: 1 };
const elementTypes = { int32: 6, string: 8 };

/** Operators of ai.onnx.ml that turn each string into a number or a row of numbers by itself, whatever stands around it. */
const encoders = new Set(['LabelEncoder', 'OneHotEncoder']);

/**
 * The same ONNX model with each of the named string inputs replaced by codes and a dictionary, which a Gather inside the graph puts together
 * again: a batch then crosses into the runtime as integers and its few distinct strings, not as a string a row. Where an encoder alone takes the
 * input, it encodes the dictionary, and what it gave is gathered. Every other node is as it was, and sees the same values. Undefined: the file is not such that this can be done (no operators of the default domain, or an
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
  const encoderOf = soleEncoders(fields, names);
  const inputs: Uint8Array[] = [];
  const gathers: Uint8Array[] = [];
  const rest: Uint8Array[] = [];
  let coded = 0;
  for (const field of fields) {
    const name = field.number === ofGraph.input ? nameOf(field.value) : encoderOf.get(field);
    if (name === undefined || !names.has(name)) {
      rest.push(field.whole);
      continue;
    }
    const { codes, dictionary } = codedInput(name);
    if (field.number === ofGraph.node) {
      rest.push(...gatheredAfter(field.value, { codes, dictionary }));
      continue;
    }
    const shape = shapeOfStrings(field.value);
    if (shape === undefined) return undefined;
    coded += 1;
    const anyLength = lengthDelimited(ofShape.dimension, new Uint8Array());
    inputs.push(
      lengthDelimited(ofGraph.input, tensorInput(codes, elementTypes.int32, shape)),
      lengthDelimited(ofGraph.input, tensorInput(dictionary, elementTypes.string, anyLength)),
    );
    if (![...encoderOf.values()].includes(name)) {
      gathers.push(lengthDelimited(ofGraph.node, gather(dictionary, codes, name)));
    }
  }
  // Nodes stand in the order in which they are computed.
  return coded === names.size ? concatBytes([...gathers, ...inputs, ...rest]) : undefined;
}

/** The nodes that are encoders and the only ones to take an input of these names, with the name. */
function soleEncoders(
  fields: readonly WireField[],
  names: ReadonlySet<string>,
): ReadonlyMap<WireField, string> {
  const takenBy = new Map<string, WireField[]>();
  for (const field of fields.filter(({ number }) => number === ofGraph.node)) {
    const parts = fieldsOf(field.value) ?? [];
    // A graph inside a node may take what is not among the node's inputs.
    if (parts.some(({ number, value }) => number === ofNode.attribute && holdsGraph(value))) return new Map();
    for (const { number, value } of parts) {
      const name = number === ofNode.input ? textOf(value) : undefined;
      if (name !== undefined && names.has(name)) takenBy.set(name, [...(takenBy.get(name) ?? []), field]);
    }
  }
  const found = new Map<WireField, string>();
  for (const [name, [node, ...others]] of takenBy) {
    if (node !== undefined && others.length === 0 && isEncoder(node.value)) found.set(node, name);
  }
  return found;
}

function holdsGraph(attribute: Uint8Array): boolean {
  return hasField(attribute, [ofAttribute.graph, ofAttribute.graphs]);
}

/** One input, one output. */
function isEncoder(node: Uint8Array): boolean {
  const parts = fieldsOf(node) ?? [];
  const count = (wanted: number): number => parts.filter(({ number }) => number === wanted).length;
  const operator = parts.find(({ number }) => number === ofNode.opType);
  return (
    operator !== undefined &&
    encoders.has(textOf(operator.value)) &&
    count(ofNode.input) === 1 &&
    count(ofNode.output) === 1
  );
}

/** The encoder over the dictionary, and a Gather of what it gives. */
function gatheredAfter(encoder: Uint8Array, { codes, dictionary }: CodedInput): Uint8Array[] {
  let output = '';
  const parts = (fieldsOf(encoder) ?? []).map((part) => {
    if (part.number === ofNode.input) return lengthDelimited(ofNode.input, bytesOf(dictionary));
    if (part.number !== ofNode.output) return part.whole;
    output = textOf(part.value);
    return lengthDelimited(ofNode.output, bytesOf(`${output}/hindcast-of-dictionary`));
  });
  return [
    lengthDelimited(ofGraph.node, concatBytes(parts)),
    lengthDelimited(ofGraph.node, gather(`${output}/hindcast-of-dictionary`, codes, output)),
  ];
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
