"""What ML Kit reads of a `.tflite` file, read here by the slots that its schema gives, not by what wrote it."""

import io
import struct
import zipfile

import msgspec
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as tfl
from flatbuffers import number_types
from flatbuffers.table import Table

from edgewright.targets.base import Options
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tflite.runtime import LiteRT
from edgewright.targets.tflite.target import TFLite
from edgewright.vocabulary.errors import ConfigError, RequestError
from edgewright.vocabulary.signature import Preprocess, Signature

CONTRACT = Preprocess(scale=(0.017, 0.0175, 0.0174), bias=(-2.1, -2.0, -1.8), colour="RGB")
LABELS = ("cat", "chien", "犬")
MLKIT = {"metadata": "mlkit"}


@pytest.fixture
def classifier(make_hub):
    from onnx import helper

    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], strides=[4, 4]),
        helper.make_node("GlobalAveragePool", ["c"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Softmax", ["f"], ["scores"]),
    ]
    weights = {"w": np.random.default_rng(0).standard_normal((3, 3, 4, 4))}
    hub = make_hub(nodes, {"image": (1, 3, 8, 8)}, {"scores": (1, 3)}, weights)
    return described(hub)


def described(hub, image=None, scores=None):
    """Say what a project says of the image and the scores."""
    signature = Signature(
        inputs=(
            msgspec.structs.replace(
                hub.signature.inputs[0], **({"layout": "NCHW", "preprocess": CONTRACT} | (image or {}))
            ),
        ),
        outputs=(msgspec.structs.replace(hub.signature.outputs[0], **({"labels": LABELS} | (scores or {}))),),
    )
    return type(hub)(ir=hub.ir, signature=signature, source=hub.source)


def compiled(model, out, settings=None, layout=None):
    """Give the bytes of the file, channels last."""
    options = Options(variant="fp32", layout=layout or {"image": "NHWC"}, settings=settings or MLKIT)
    artifact = TFLite().compile(model, options, out)
    return (out / artifact.files[0].path).read_bytes()


def metadata_of(data):
    """Give the metadata buffer of a file: `Model.metadata` names it, `Model.buffers` holds it."""
    model = tfl.ModelT.InitFromPackedBuf(data, 0)
    (entry,) = [entry for entry in model.metadata if entry.name == b"TFLITE_METADATA"]
    return bytes(model.buffers[entry.buffer].data)


class Read:
    """A table of a flatbuffer; slots are counted from 0 in the order of the schema."""

    def __init__(self, table):
        self.table = table

    @classmethod
    def root(cls, data):
        return cls(Table(data, struct.unpack_from("<I", data)[0]))

    def _at(self, slot):
        offset = self.table.Offset(4 + 2 * slot)
        return self.table.Pos + offset if offset else None

    def byte(self, slot):
        at = self._at(slot)
        return 0 if at is None else self.table.Get(number_types.Int8Flags, at)

    def text(self, slot):
        at = self._at(slot)
        return None if at is None else self.table.String(at).decode()

    def child(self, slot):
        return Read(Table(self.table.Bytes, self.table.Indirect(self._at(slot))))

    def children(self, slot):
        offset = self.table.Offset(4 + 2 * slot)
        if not offset:
            return []
        start = self.table.Vector(offset)
        return [
            Read(Table(self.table.Bytes, self.table.Indirect(start + 4 * index)))
            for index in range(self.table.VectorLen(offset))
        ]

    def floats(self, slot):
        offset = self.table.Offset(4 + 2 * slot)
        start = self.table.Vector(offset)
        return [self.table.Get(number_types.Float32Flags, start + 4 * i) for i in range(self.table.VectorLen(offset))]

    def real(self, slot):
        return self.table.Get(number_types.Float32Flags, self._at(slot))


def test_the_table_says_how_pixels_become_the_input(classifier, tmp_path):
    table = metadata_of(compiled(classifier, tmp_path))
    assert table[4:8] == b"M001"
    root = Read.root(table)
    assert root.text(7) == "1.0.0"  # ModelMetadata.min_parser_version
    (graph,) = root.children(3)  # subgraph_metadata
    (image,) = graph.children(2)  # input_tensor_metadata
    assert image.text(0) == "image"
    assert image.child(3).byte(0) == 2  # Content.content_properties_type: ImageProperties
    assert image.child(3).child(1).byte(0) == 1  # ImageProperties.color_space: RGB
    (unit,) = image.children(4)  # process_units
    assert unit.byte(0) == 1  # NormalizationOptions
    mean, std = unit.child(1).floats(0), unit.child(1).floats(1)
    # (pixel − mean) / std is the contract's pixel · scale + bias
    pixel = 200.0
    wanted = [pixel * scale + bias for scale, bias in zip(CONTRACT.scale, CONTRACT.bias, strict=True)]
    got = [(pixel - m) / s for m, s in zip(mean, std, strict=True)]
    assert got == pytest.approx(wanted, rel=1e-5)  # float32 numbers


def test_one_scale_and_bias_stay_one(classifier, tmp_path):
    contract = Preprocess(scale=(1 / 255,), bias=(0.0,), colour="RGB")
    table = metadata_of(compiled(described(classifier, {"preprocess": contract}), tmp_path))
    options = Read.root(table).children(3)[0].children(2)[0].children(4)[0].child(1)
    assert options.floats(0) == [0.0]
    assert options.floats(1) == [255.0]


def test_the_labels_lie_behind_the_model_and_the_table_names_them(classifier, tmp_path):
    data = compiled(classifier, tmp_path, {**MLKIT, "score_threshold": 0.25})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (info,) = archive.infolist()
        assert (info.filename, info.compress_type) == ("labels.txt", zipfile.ZIP_STORED)
        assert archive.read(info).decode() == "cat\nchien\n犬\n"
    (scores,) = Read.root(metadata_of(data)).children(3)[0].children(3)  # output_tensor_metadata
    assert scores.text(0) == "scores"
    assert scores.child(3).byte(0) == 1  # FeatureProperties
    (labels,) = scores.children(6)  # associated_files
    assert (labels.text(0), labels.byte(2)) == ("labels.txt", 2)  # TENSOR_AXIS_LABELS
    (unit,) = scores.children(4)
    assert (unit.byte(0), unit.child(1).real(0)) == (3, 0.25)  # ScoreThresholdingOptions


def test_the_interpreter_computes_the_same_with_it(classifier, tmp_path):
    (tmp_path / "plain").mkdir()
    (tmp_path / "told").mkdir()
    options = Options(variant="fp32", layout={"image": "NHWC"})
    TFLite().compile(classifier, options, tmp_path / "plain")
    compiled(classifier, tmp_path / "told")
    image = np.random.default_rng(1).random((1, 8, 8, 3), dtype=np.float32)
    outputs = [
        LiteRT().load(tmp_path / folder / "model.tflite", RunOptions()).run({"image": image})["scores"]
        for folder in ("plain", "told")
    ]
    np.testing.assert_array_equal(*outputs)


def test_equal_models_give_equal_files(classifier, tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    assert compiled(classifier, folders[0]) == compiled(classifier, folders[1])


@pytest.mark.parametrize(
    ("image", "scores", "words"),
    [
        ({"preprocess": None}, {}, "how pixels become the input 'image' is not said"),
        ({"preprocess": Preprocess(colour="BGR")}, {}, "not in the order RGB"),
        ({"preprocess": Preprocess(scale=(-1.0,), colour="RGB")}, {}, "scales above 0"),
        ({}, {"labels": ("a", "b")}, "3 scores and 2 labels"),
        ({}, {"labels": None}, "3 scores and 0 labels"),
        ({}, {"labels": ("a", "b\nc", "d")}, "a label is a line of text"),
    ],
)
def test_a_signature_that_ml_kit_cannot_take_is_refused(classifier, tmp_path, image, scores, words):
    with pytest.raises(RequestError, match=words):
        compiled(described(classifier, image, scores), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_channels_in_front_are_refused_with_what_to_say(classifier, tmp_path):
    with pytest.raises(RequestError, match="channels last") as refused:
        compiled(classifier, tmp_path, layout={"image": "NCHW"})
    assert 'layout = { image = "NHWC" }' in str(refused.value.hint)


def test_two_heads_are_refused(make_hub, tmp_path):
    from onnx import helper

    nodes = [helper.make_node("Relu", ["image"], ["a"]), helper.make_node("Neg", ["image"], ["b"])]
    hub = make_hub(nodes, {"image": (1, 3, 4, 4)}, {"a": (1, 3, 4, 4), "b": (1, 3, 4, 4)})
    with pytest.raises(RequestError, match="one input and one output, this one has 1 and 2"):
        compiled(hub, tmp_path)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"metadata": "ml-kit"}, "metadata"),
        ({"metadata": "mlkit", "score_threshold": 1.5}, "a number from 0 to 1"),
        ({"author": "me"}, 'only metadata = "mlkit"'),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(classifier, tmp_path, settings, words):
    with pytest.raises(ConfigError, match=words):
        compiled(classifier, tmp_path, settings)
