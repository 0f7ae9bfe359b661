"""Model: the network itself; its card, what it is made of, what its blocks add, and how good it is."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import services
from app.model.audit import audit_panel
from app.model.card import card_table
from app.model.kernels import kernel_pictures
from app.model.layers import block_table, layer_table
from app.model.quality import quality
from app.model.score import score_panel
from app.model.usual import usual_table
from app.services.prediction import percent
from app.session import links, own_networks
from app.session.words import Words, card_text
from app.widgets.evaluate_here import evaluate_here
from app.widgets.stating import stated_parts
from cbam_core.errors import TrainingError
from cbam_core.gates.anatomy import Summary
from cbam_core.network import Classifier
from cbam_core.results.evaluation import Evaluation, wilson_interval

WORDS = Words(
    {
        "title": "Model",
        "usual": "What its gates usually do",
        "kernels": "What the spatial attention has learned",
        "no_kernels": "No block of this network has a spatial gate, so there are no kernels to show.",
        "quality": "How accurate it is",
        "accuracy": "Test accuracy",
        "sample_accuracy": "Accuracy on the bundled images",
        "accuracy_help": "{right} of {count} images are classified correctly; below, the 95 % interval (Wilson).",
        "interval": "{low:.2f} % to {high:.2f} %",
        "parameters": "Parameters",
        "multiply_adds": "Multiply-adds",
        "by_cbam": "{count} from CBAM ({share} %)",
        "by_gates": "{count} from gates ({share} %)",
        "evaluation.none": "The confusion matrix and the calibration are shown here once the network is evaluated: by "
        "the button at the top of this page, or by this command, which saves the predictions beside its checkpoint:",
        "evaluation.other-weights": "The predictions saved beside this network belong to other weights, so they are "
        "not shown. This command replaces them:",
        "evaluation.unreadable": "The predictions saved beside this network cannot be read. "
        "This command replaces them:",
        "own": "The confusion matrix and the calibration are shown here once the network is evaluated: by "
        "the button at the top of this page. On your own machine, this command does it; FILE is the name of the file:",
        "other_classes": "There is no confusion matrix: the network's classes differ from those of the CIFAR-10 test "
        "set.",
        "other_classes_here": "There is no confusion matrix: the network does not know all classes of the images here.",
        "no_classes": "There is no confusion matrix: the network gives no prediction.",
        "blocks": "What CBAM adds",
        "blocks_own": "What its gates add",
        "no_blocks": "Nothing: no block with gates was found in this network.",
        "no_kernels_own": "No kernel over the mean and the maximum of the channels was found in this network.",
        "here": "The confusion matrix and the calibration are shown here once the network is evaluated, by the button "
        "at the top of this page.",
        "layers": "Layers",
        "about_layers": "For one image of {size} pixels. A multiply-add is one product added to a sum. Convolutions, "
        "linear layers, and the multiplication of feature maps by gates are counted. Layers with an "
        "orange edge belong to a CBAM block.",
    }
)


def page(classifier: Classifier, _asked: Mapping[str, Any]) -> None:
    """The page below the sidebar."""
    anatomy = services.anatomy(classifier)
    links.write(network=links.network_of(classifier))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title(WORDS["title"], anchor=False, width="content")
        st.text(classifier.name, width="content")
    if classifier.card.what:
        st.text(card_text(classifier.card.what))
    found = _evaluation(classifier)
    evaluation = found if isinstance(found, Evaluation) else None
    _figures(classifier, anatomy.summary, evaluation)
    evaluate_here(classifier, key="model")
    card_table(classifier, evaluation, stated=stated_parts(classifier.name))
    if classifier.usual is not None and classifier.usual.gates:
        st.header(WORDS["usual"], anchor=False)
        usual_table(classifier.usual)
    score_panel(classifier)
    st.header(WORDS["kernels"], anchor=False)
    if anatomy.kernels:
        kernel_pictures([(kernel.block, kernel.planes) for kernel in anatomy.kernels], key="model-kernels")
    else:
        st.markdown(WORDS["no_kernels" if classifier.architecture else "no_kernels_own"])
    st.header(WORDS["quality"], anchor=False)
    if isinstance(found, Evaluation):
        quality(found, key="model")
    elif not services.knows(classifier, services.samples()):
        st.markdown(WORDS[_why_no_answers(classifier)])
    else:
        _say_not_evaluated(classifier, found.code)
    audit_panel(classifier)
    _layers(anatomy.summary, own=not classifier.architecture)


def _why_no_answers(classifier: Classifier) -> str:
    if not classifier.classes:
        return "no_classes"
    return "other_classes" if services.samples().name == "cifar10" else "other_classes_here"


def _evaluation(classifier: Classifier) -> Evaluation | TrainingError:
    try:
        return services.evaluation_of(classifier)
    except TrainingError as error:
        return error


def _figures(classifier: Classifier, summary: Summary, evaluation: Evaluation | None) -> None:
    """A few numbers that sum the network up."""
    card, by = classifier.card, WORDS["by_cbam" if classifier.architecture else "by_gates"]
    right, count, split = card.test_correct, card.test_count, "test"
    if right is None and evaluation is not None:
        right, count, split = evaluation.total_right, evaluation.total, evaluation.split
    with st.container(horizontal=True, gap="medium"):
        if right is not None and count:
            low, high = wilson_interval(right, count)
            st.metric(
                WORDS["sample_accuracy" if split == "samples" else "accuracy"],
                percent(right / count, 2),
                WORDS["interval"].format(low=100 * low, high=100 * high),
                delta_color="off",
                delta_arrow="off",
                help=WORDS["accuracy_help"].format(right=f"{right:,}", count=f"{count:,}"),
                width="content",
            )
        share = f"{100 * summary.cbam_parameter_share:.2f}"
        _size(
            WORDS["parameters"],
            summary.parameters,
            by.format(count=f"{summary.cbam_parameters:,}", share=share) if summary.cbam_parameters else None,
        )
        share = f"{100 * summary.cbam_multiply_add_share:.2f}"
        _size(
            WORDS["multiply_adds"],
            summary.multiply_adds,
            by.format(count=f"{summary.cbam_multiply_adds:,}", share=share) if summary.cbam_multiply_adds else None,
        )


def _size(label: str, number: int, of_gates: str | None) -> None:
    st.metric(
        label,
        f"{number:,}",
        of_gates,
        delta_color="off",
        delta_arrow="off",
        width="content",
    )


def _say_not_evaluated(classifier: Classifier, code: str) -> None:
    """What the operator can type to have the answers of a network kept beside its checkpoint."""
    if services.is_operators(classifier.name):  # where its files are is no business of visitors
        st.markdown(WORDS["here"])
        return
    if own_networks.is_own(classifier):
        said, checkpoint = WORDS["own"], ["FILE"]
    else:
        file = services.checkpoint_in_command(classifier.name)
        said, checkpoint = WORDS.get(code, WORDS["evaluation.none"]), [file, "--keep"]
    st.markdown(said)
    st.code(shlex.join(["cbam", "evaluate", "--checkpoint", *checkpoint]), language="bash", wrap_lines=True)


def _layers(summary: Summary, *, own: bool) -> None:
    st.header(WORDS["blocks_own" if own else "blocks"], anchor=False)
    if summary.blocks:
        block_table(summary)
    else:
        st.markdown(WORDS["no_blocks"])
    st.header(WORDS["layers"], anchor=False)
    layer_table(summary)
    st.caption(WORDS["about_layers"].format(size="×".join(map(str, summary.input_size))))
