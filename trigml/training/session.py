"""``trigml train``: from a spec to a finished run."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import trigml
from trigml.atomic import write_json, write_text
from trigml.contract import InputContract
from trigml.data.reader import EventSource
from trigml.data.samples import resolve_files
from trigml.data.splits import Split
from trigml.errors import Interrupted
from trigml.frontends.qkeras import graph_from_qkeras
from trigml.graph import save_graph
from trigml.progress import Progress, Silent
from trigml.runs import (
    RUN_VERSION,
    DataFile,
    Identity,
    Manifest,
    TestPredictions,
    TestScores,
    Workspace,
    names,
    open_workspace,
    refuse_occupied,
    sha256_of,
)
from trigml.runs.manifest import hashes_of_folder
from trigml.spec import Spec, spec_text
from trigml.training.architecture import copy_weights, float_model, initial_weights, quantized_model
from trigml.training.calibration import resolve_integer_bits
from trigml.training.dropout import Dropout
from trigml.training.evaluation import Evaluation, evaluate, score
from trigml.training.events import (
    Preparation,
    SplitEvents,
    event_source,
    float_inputs,
    gather_events,
    in_pieces,
    quantized_inputs,
    refuse_unfit_word,
)
from trigml.training.heads import output_labels, start_as_sum
from trigml.training.hidden_layers import dense_activation_names
from trigml.training.inputs import input_contract, with_contract
from trigml.training.loop import Diverged, FitSettings, TrainingEvents, fit
from trigml.training.model_files import save_model
from trigml.training.objectives import objective_of
from trigml.training.state import TrainState
from trigml.training.summary import RunSummary
from trigml.training.symmetries import symmetrised
from trigml.training.trained import Trained

_LIBRARIES = ("tensorflow", "tf-keras", "qkeras", "numpy", "h5py", "scikit-learn", "matplotlib")
_MUCH_SATURATED = 0.01


def default_run_folder(spec: Spec) -> Path:
    """Where a run goes unless the user says otherwise: ``runs/NAME``."""
    return Path("runs") / spec.name


def train_run(
    spec: Spec,
    out: Path,
    *,
    quantize: bool,
    force: bool = False,
    command: str = "trigml train",
    progress: Progress | None = None,
) -> RunSummary:
    """Train the models of a spec and write a run; an unfinished run of the same training is gone on with.

    Args:
        spec: what to train.
        out: the run's folder; until the run is finished, its files are in ``OUT.unfinished``.
        quantize: also train the quantised model and make the integer graph.
        force: replace a finished run, or throw away an unfinished one of another training.
        command: what the user typed; noted in the manifest.
        progress: who listens.

    Returns:
        The results. A broken gate is among them: ``RunSummary.enforce_gates`` raises for it.

    Raises:
        BadInput: anything wrong with the events or the output folder, a full disk, a diverged training.
        Interrupted: Ctrl-C; what was trained is kept.
    """
    progress = progress or Silent()
    refuse_occupied(out, force=force)
    source = event_source(spec)
    identity = Identity(
        trigml=trigml.__version__,
        quantize=quantize,
        spec=spec.model_dump(mode="json"),
        data=_data_files(spec, source, progress),
        versions=_versions(),
        command=command,
    )
    with open_workspace(out, identity, force=force) as workspace:
        try:
            return _train(spec, source, workspace, identity, progress)
        except KeyboardInterrupt as error:
            raise _interrupted(workspace, command) from error
        except Diverged:
            workspace.discard()
            raise
        finally:
            workspace.discard_if_untouched()


def _train(
    spec: Spec, source: EventSource, workspace: Workspace, identity: Identity, progress: Progress
) -> RunSummary:
    with progress.task("Reading the events"):
        events = gather_events(source, spec.training.seed)
        refuse_unfit_word(spec, events)
    notes = list(_notes_on_events(events))
    for note in notes:
        progress.say(note)
    trained = _train_models(spec, events, workspace, identity.quantize, progress)
    scores, baselines = score(trained, events, progress)
    with progress.task("Measuring the models on the test split"):
        evaluation = evaluate(
            trained.spec, trained.contract, events, scores, available=source.count(Split.TEST)
        )
    plot = evaluation.standing.plot
    notes += _notes_on_inputs(trained.contract, evaluation)
    with progress.task("Writing the run"):
        _write(trained, scores, evaluation, workspace, baselines)
        plot.into(workspace.folder / names.PLOTS)
        _write_manifest(workspace, identity, trained)
        workspace.finish()
    return RunSummary(
        path=workspace.out,
        name=trained.spec.name,
        quantized=trained.graph is not None,
        graph_digest="" if trained.graph is None else trained.graph.digest,
        evaluation=evaluation,
        plot=(plot.what, Path(names.PLOTS, f"{plot.name}.png")),
        notes=tuple(notes),
    )


def _train_models(
    spec: Spec, events: SplitEvents, workspace: Workspace, quantize: bool, progress: Progress
) -> Trained:
    contract = input_contract(spec, events)
    spec = with_contract(spec, contract).with_loss()
    objective = objective_of(spec)
    reference = float_model(spec)
    reference.set_weights(initial_weights(reference, spec.training.seed))
    if spec.model.linear:
        start_as_sum(reference, contract, events.target_unit)
    trainee = objective.trainee(reference)
    prepare = float_inputs(contract)
    state = fit(
        trainee,
        _training_events(spec, contract, events, prepare, stage=1),
        events.validation_batch(prepare),
        _settings(spec, quantized=False),
        checkpoint=workspace.progress / "float.npz",
        title="Float reference",
        progress=progress,
    )
    history = {"float": _history(state)}
    if not quantize:
        return Trained(spec, contract, reference, None, None, history)
    spec = resolve_integer_bits(spec, reference, in_pieces(prepare, events.sample.features))
    model = quantized_model(spec, contract)
    quantized_trainee = objective.trainee(model)
    copy_weights(trainee, quantized_trainee)
    prepare = quantized_inputs(contract)
    state = fit(
        quantized_trainee,
        _training_events(spec, contract, events, prepare, stage=2),
        events.validation_batch(prepare),
        _settings(spec, quantized=True),
        checkpoint=workspace.progress / "quantized.npz",
        title=f"Quantised model, {spec.quantization.weight_bits} bits",
        progress=progress,
    )
    history["quantized"] = _history(state)
    graph = graph_from_qkeras(model, contract, name=spec.name, output_labels=output_labels(spec))
    return Trained(spec, contract, reference, model, graph, history)


def _data_files(spec: Spec, source: EventSource, progress: Progress) -> tuple[DataFile, ...]:
    """Each file under the name that the user gave it; one that a pattern found has its own name behind."""
    written: list[str] = []
    for name in spec.data.files:
        found = resolve_files([name])
        written += [name] if len(found) == 1 else [f"{name} ({path.name})" for path in found]
    digests = source.file_digests(progress)
    return tuple(
        DataFile(name, digest.sha256, header.n_events)
        for name, digest, header in zip(written, digests, source.headers, strict=True)
    )


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES}


def _seed_of(seed: int, stage: int) -> int:
    """Float and quantised training see the events in different orders."""
    return 4 * seed + stage


def _training_events(
    spec: Spec, contract: InputContract, events: SplitEvents, prepare: Preparation, stage: int
) -> TrainingEvents:
    seed = _seed_of(spec.training.seed, stage)
    return symmetrised(spec, contract, events.training_events(prepare, seed), seed=seed)


def _settings(spec: Spec, *, quantized: bool) -> FitSettings:
    training = spec.training
    own = training.quantized if quantized else training
    return FitSettings(
        epochs=own.epochs,
        batch_size=training.batch_size,
        learning_rate=own.learning_rate,
        weight_decay=training.weight_decay,
        patience=own.patience,
        schedule=training.schedule,
        dropout=_dropout(spec, stage=2 if quantized else 1),
        objective=objective_of(spec),
    )


def _dropout(spec: Spec, stage: int) -> Dropout | None:
    if not spec.training.dropout:
        return None
    layers = frozenset(dense_activation_names(spec))
    return Dropout(spec.training.dropout, layers, _seed_of(spec.training.seed, stage))


def _history(state: TrainState) -> dict[str, Any]:
    return {
        "kept_epoch": state.best.epoch,
        "epochs": [{name: getattr(record, name) for name in record.__slots__} for record in state.history],
    }


def _notes_on_events(events: SplitEvents) -> list[str]:
    notes = []
    stored = sum(header.n_events for header in events.source.headers)
    left_out = stored - int(events.source.class_counts.sum())
    if left_out:
        notes.append(
            f"{left_out:,} of {stored:,} events are of classes that the spec does not name: left out"
        )
    if events.streamed:
        available = events.source.count(Split.TRAIN)
        notes.append(f"{available:,} training events are streamed from their files in every epoch")
    for split, used in ((Split.VALIDATION, events.validation), (Split.TEST, events.test)):
        available = events.source.count(split)
        if len(used) < available:
            notes.append(
                f"{len(used):,} of {available:,} {split.name.lower()} events, drawn at random, are used"
            )
    return notes


def _notes_on_inputs(contract: InputContract, evaluation: Evaluation) -> list[str]:
    notes = []
    for feature in contract.features:
        fraction = evaluation.saturated[feature.name]
        low, high = contract.reach(feature)
        if fraction > _MUCH_SATURATED:
            notes.append(
                f"{100 * fraction:.1f} % of the test events saturate the input {feature.name!r}, "
                f"whose words reach from {low:g} to {high:g} {feature.unit}".rstrip()
            )
    return notes


def _write(
    trained: Trained,
    scores: TestScores | TestPredictions,
    evaluation: Evaluation,
    workspace: Workspace,
    more_history: dict[str, Any],
) -> None:
    folder = workspace.folder
    write_text(folder / names.SPEC, spec_text(trained.spec))
    write_json(folder / names.CONTRACT, trained.contract.to_json())
    save_model(trained.float_model, folder / names.FLOAT)
    if trained.graph is not None:
        save_model(trained.quantized_model, folder / names.QUANTIZED)
        save_graph(trained.graph, folder)
    write_json(folder / names.HISTORY, trained.history | more_history)
    write_json(folder / names.METRICS, evaluation.to_json())
    scores.save(folder / names.SCORES)


def _write_manifest(workspace: Workspace, identity: Identity, trained: Trained) -> None:
    folder = workspace.folder
    manifest = Manifest(
        trigml_run=RUN_VERSION,
        trigml=identity.trigml,
        command=identity.command,
        seed=trained.spec.training.seed,
        quantized=trained.graph is not None,
        data=identity.data,
        spec_sha256=sha256_of(folder / names.SPEC),
        graph_digest="" if trained.graph is None else trained.graph.digest,
        versions=identity.versions,
        files=hashes_of_folder(folder),
    )
    write_json(folder / names.MANIFEST, manifest.to_json())


def _interrupted(workspace: Workspace, command: str) -> Interrupted:
    if workspace.finished:
        return Interrupted(
            "interrupted after the training was complete",
            where=str(workspace.out),
            found="a finished run; nothing is lost",
        )
    kept: list[str] = []
    for file, what in (("float.npz", "float reference"), ("quantized.npz", "quantised model")):
        state = TrainState.load(workspace.progress / file)
        if state is not None:
            plural = "" if state.epochs_done == 1 else "s"
            kept.append(f"{state.epochs_done} epoch{plural} of the {what}")
    return Interrupted(
        "the training was interrupted",
        where=str(workspace.folder) if kept else None,
        found=f"kept: {', '.join(kept)}" if kept else "nothing was trained yet",
        remedy=f"to go on, give the same command again: {command}",
    )
