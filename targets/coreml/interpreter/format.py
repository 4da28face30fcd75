"""The protocol buffer messages of an ML Program, made from a table of their fields.

Source: `Model.proto`, `FeatureTypes.proto` and `MIL.proto` as Apple publishes them
(https://apple.github.io/coremltools/mlmodel/index.html). Only what an ML Program needs is here. Enumerations are read
as the numbers that they are on the wire, models of other kinds as the bytes that they are, so that they can be named.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "edgewright.coreml"

OTHER_KINDS = {
    200: "pipelineClassifier",
    201: "pipelineRegressor",
    202: "pipeline",
    300: "glmRegressor",
    301: "supportVectorRegressor",
    302: "treeEnsembleRegressor",
    303: "neuralNetworkRegressor",
    304: "bayesianProbitRegressor",
    400: "glmClassifier",
    401: "supportVectorClassifier",
    402: "treeEnsembleClassifier",
    403: "neuralNetworkClassifier",
    404: "kNearestNeighborsClassifier",
    500: "neuralNetwork",
    501: "itemSimilarityRecommender",
    555: "customModel",
    556: "linkedModel",
    560: "classConfidenceThresholding",
    600: "oneHotEncoder",
    601: "imputer",
    602: "featureVectorizer",
    603: "dictVectorizer",
    604: "scaler",
    606: "categoricalMapping",
    607: "normalizer",
    609: "arrayFeatureExtractor",
    610: "nonMaximumSuppression",
    900: "identity",
    2000: "textClassifier",
    2001: "wordTagger",
    2002: "visionFeaturePrint",
    2003: "soundAnalysisPreprocessing",
    2004: "gazetteer",
    2005: "wordEmbedding",
    2006: "audioFeaturePrint",
    3000: "serializedModel",
}
"""Field of `Model` → the kind of model that is no ML Program."""

FIELDS: dict[str, tuple[str, ...]] = {
    # Model.proto. "number name type label", the label one of: nothing, repeated, map (from string), oneof NAME
    "Model": (
        "1 specificationVersion int32",
        "2 description ModelDescription",
        "502 mlProgram Program oneof Type",
        *(f"{number} {name} bytes oneof Type" for number, name in OTHER_KINDS.items()),
    ),
    "ModelDescription": (
        "1 input FeatureDescription repeated",
        "10 output FeatureDescription repeated",
        "11 predictedFeatureName string",
        "12 predictedProbabilitiesName string",
        "13 state FeatureDescription repeated",
        "20 functions FunctionDescription repeated",
        "21 defaultFunctionName string",
        "100 metadata Metadata",
    ),
    "FunctionDescription": (
        "1 name string",
        "2 input FeatureDescription repeated",
        "3 output FeatureDescription repeated",
        "4 predictedFeatureName string",
        "5 predictedProbabilitiesName string",
        "6 state FeatureDescription repeated",
    ),
    "FeatureDescription": ("1 name string", "2 shortDescription string", "3 type FeatureType"),
    "Metadata": (
        "1 shortDescription string",
        "2 versionString string",
        "3 author string",
        "4 license string",
        "100 userDefined string map",
    ),
    # FeatureTypes.proto
    "FeatureType": (
        "1 int64Type Empty oneof Type",
        "2 doubleType Empty oneof Type",
        "3 stringType Empty oneof Type",
        "4 imageType ImageFeatureType oneof Type",
        "5 multiArrayType ArrayFeatureType oneof Type",
        "6 dictionaryType Empty oneof Type",
        "7 sequenceType Empty oneof Type",
        "8 stateType StateFeatureType oneof Type",
        "1000 isOptional bool",
    ),
    "Empty": (),
    "StateFeatureType": ("1 arrayType ArrayFeatureType oneof Type",),
    "ArrayFeatureType": (
        "1 shape int64 repeated",
        "2 dataType int32",
        "21 enumeratedShapes EnumeratedShapes oneof ShapeFlexibility",
        "31 shapeRange ShapeRange oneof ShapeFlexibility",
        "41 intDefaultValue int32 oneof defaultOptionalValue",
        "51 floatDefaultValue float oneof defaultOptionalValue",
        "61 doubleDefaultValue double oneof defaultOptionalValue",
    ),
    "EnumeratedShapes": ("1 shapes Shape repeated",),
    "Shape": ("1 shape int64 repeated",),
    "ShapeRange": ("1 sizeRanges SizeRange repeated",),
    "SizeRange": ("1 lowerBound uint64", "2 upperBound int64"),
    "ImageFeatureType": (
        "1 width int64",
        "2 height int64",
        "3 colorSpace int32",
        "21 enumeratedSizes EnumeratedImageSizes oneof SizeFlexibility",
        "31 imageSizeRange ImageSizeRange oneof SizeFlexibility",
    ),
    "EnumeratedImageSizes": ("1 sizes ImageSize repeated",),
    "ImageSize": ("1 width uint64", "2 height uint64"),
    "ImageSizeRange": ("1 widthRange SizeRange", "2 heightRange SizeRange"),
    # MIL.proto
    "Program": (
        "1 version int64",
        "2 functions Function map",
        "3 docString string",
        "4 attributes Value map",
    ),
    "Function": (
        "1 inputs NamedValueType repeated",
        "2 opset string",
        "3 block_specializations Block map",
        "4 attributes Value map",
    ),
    "Block": (
        "1 inputs NamedValueType repeated",
        "2 outputs string repeated",
        "3 operations Operation repeated",
        "4 attributes Value map",
    ),
    "Argument": ("1 arguments Binding repeated",),
    "Binding": ("1 name string oneof binding", "2 value Value oneof binding"),
    "Operation": (
        "1 type string",
        "2 inputs Argument map",
        "3 outputs NamedValueType repeated",
        "4 blocks Block repeated",
        "5 attributes Value map",
    ),
    "NamedValueType": ("1 name string", "2 type ValueType"),
    "ValueType": (
        "1 tensorType TensorType oneof type",
        "2 listType ListType oneof type",
        "3 tupleType TupleType oneof type",
        "4 dictionaryType DictionaryType oneof type",
        "5 stateType StateType oneof type",
    ),
    "TensorType": (
        "1 dataType int32",
        "2 rank int64",
        "3 dimensions Dimension repeated",
        "4 attributes Value map",
    ),
    "TupleType": ("1 types ValueType repeated",),
    "ListType": ("1 type ValueType", "2 length Dimension"),
    "DictionaryType": ("1 keyType ValueType", "2 valueType ValueType"),
    "StateType": ("1 wrappedType ValueType",),
    "Dimension": (
        "1 constant ConstantDimension oneof dimension",
        "2 unknown UnknownDimension oneof dimension",
    ),
    "ConstantDimension": ("1 size uint64",),
    "UnknownDimension": ("1 variadic bool",),
    "Value": (
        "1 docString string",
        "2 type ValueType",
        "3 immediateValue ImmediateValue oneof value",
        "5 blobFileValue BlobFileValue oneof value",
    ),
    "ImmediateValue": (
        "1 tensor TensorValue oneof value",
        "2 tuple TupleValue oneof value",
        "3 list ListValue oneof value",
        "4 dictionary DictionaryValue oneof value",
    ),
    "BlobFileValue": ("1 fileName string", "2 offset uint64"),
    "TensorValue": (
        "1 floats Floats oneof value",
        "2 ints Ints oneof value",
        "3 bools Bools oneof value",
        "4 strings Strings oneof value",
        "5 longInts LongInts oneof value",
        "6 doubles Doubles oneof value",
        "7 bytes Bytes oneof value",
    ),
    "Floats": ("1 values float repeated",),
    "Ints": ("1 values int32 repeated",),
    "Bools": ("1 values bool repeated",),
    "Strings": ("1 values string repeated",),
    "LongInts": ("1 values int64 repeated",),
    "Doubles": ("1 values double repeated",),
    "Bytes": ("1 values bytes",),
    "TupleValue": ("1 values Value repeated",),
    "ListValue": ("1 values Value repeated",),
    "DictionaryValue": ("1 values KeyValuePair repeated",),
    "KeyValuePair": ("1 key Value", "2 value Value"),
}
"""Message → its fields. Names are those of the files, without the messages around them."""

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "double": _Field.TYPE_DOUBLE,
    "float": _Field.TYPE_FLOAT,
    "int64": _Field.TYPE_INT64,
    "uint64": _Field.TYPE_UINT64,
    "int32": _Field.TYPE_INT32,
    "bool": _Field.TYPE_BOOL,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
}


@cache
def model_class() -> Any:
    """Give the class of the message `Model`.

    It lies in a pool of its own: whoever has coremltools imported has other classes of these messages.
    """
    file = descriptor_pb2.FileDescriptorProto(name="edgewright_coreml.proto", package=PACKAGE, syntax="proto3")
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for line in fields:
            _add_field(message, line)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.Model"))


def _add_field(message: Any, line: str) -> None:
    number, name, kind, *label = line.split()
    field = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
    if label[:1] == ["map"]:
        entry = message.nested_type.add(name=_entry(name))
        entry.options.map_entry = True
        _add_field(entry, "1 key string")
        _add_field(entry, f"2 value {kind}")
        field.label, field.type = _Field.LABEL_REPEATED, _Field.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{message.name}.{entry.name}"
        return
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    if label[:1] == ["repeated"]:
        field.label = _Field.LABEL_REPEATED
    elif label[:1] == ["oneof"]:
        names = [choice.name for choice in message.oneof_decl]
        if label[1] not in names:
            message.oneof_decl.add(name=label[1])
            names.append(label[1])
        field.oneof_index = names.index(label[1])


def _entry(name: str) -> str:
    """The name that a map's entries have to have: `userDefined` → `UserDefinedEntry`, `a_b` → `ABEntry`."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_")) + "Entry"
