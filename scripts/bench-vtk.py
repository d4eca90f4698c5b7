"""Measures VTK's off-screen renderer with GLB files at 1280x720, at the poses of Remora's orbit, beside Remora.

    make bench-vtk MODELS="a.glb b.glb"

Remora's frames in motion are compared with Remora's frames at rest. VTK lowers nothing in motion unless a program tells it
to, so its frames without smoothing and with FXAA are compared with its own frames of four samples.
"""

import json
import math
import pathlib
import statistics
import subprocess
import sys
import time

import vtk

WIDTH, HEIGHT = 1280, 720
WARM_UP = 3
# Name, samples, FXAA. The first is the reference.
MODES = [("4 samples", 4, False), ("1 sample", 0, False), ("1 sample and FXAA", 0, True)]
# The headlight's intensity with which a model is about as bright as in Remora, and colours of a similar background.
LIGHT = 4.0
TOP, BOTTOM = (0.22, 0.23, 0.24), (0.11, 0.12, 0.13)


def rotate(quaternion: list[float], vector: tuple[float, float, float]) -> tuple[float, ...]:
    x, y, z, w = quaternion
    a, b, c = vector
    u, v, t = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
    return (a + w * u + y * t - z * v, b + w * v + z * u - x * t, c + w * t + x * v - y * u)


def place(camera: vtk.vtkCamera, pose: dict) -> None:
    position = pose["position"]
    forward = rotate(pose["orientation"], (0, 0, -1))
    camera.SetPosition(position)
    camera.SetFocalPoint([a + b for a, b in zip(position, forward)])
    camera.SetViewUp(rotate(pose["orientation"], (0, 1, 0)))
    camera.SetViewAngle(math.degrees(pose["vertical_field_of_view"]))


def render(path: str, poses: list[dict], samples: int, fxaa: bool, folder: pathlib.Path) -> list[float]:
    """Renders all poses into a folder, and returns the milliseconds of each."""
    folder.mkdir(parents=True, exist_ok=True)
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(samples)
    window.SetSize(WIDTH, HEIGHT)
    importer = vtk.vtkGLTFImporter()
    importer.SetFileName(path)
    importer.SetRenderWindow(window)
    importer.Update()
    renderer = window.GetRenderers().GetFirstRenderer()
    renderer.SetUseFXAA(fxaa)
    renderer.GradientBackgroundOn()
    renderer.SetBackground(BOTTOM)
    renderer.SetBackground2(TOP)
    renderer.RemoveAllLights()
    renderer.AutomaticLightCreationOff()
    light = vtk.vtkLight()
    light.SetLightTypeToHeadlight()
    light.SetIntensity(LIGHT)
    renderer.AddLight(light)
    camera = vtk.vtkCamera()
    renderer.SetActiveCamera(camera)
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.SetInputBufferTypeToRGB()
    grab.ReadFrontBufferOff()
    grab.ShouldRerenderOff()
    writer = vtk.vtkPNGWriter()
    writer.SetInputConnection(grab.GetOutputPort())
    writer.SetCompressionLevel(1)

    def shoot(pose: dict) -> float:
        begin = time.perf_counter()
        place(camera, pose)
        renderer.ResetCameraClippingRange()
        window.Render()
        grab.Modified()
        grab.Update()
        return (time.perf_counter() - begin) * 1000

    for _ in range(WARM_UP):
        shoot(poses[0])
    times = []
    for index, pose in enumerate(poses):
        times.append(shoot(pose))
        writer.SetFileName(str(folder / f"{index:03}.png"))
        writer.Write()
    actors = renderer.GetActors()
    actors.InitTraversal()
    while (actor := actors.GetNextActor()) is not None:
        actor.VisibilityOff()
    shoot(poses[0])
    writer.SetFileName(str(folder / "empty.png"))
    writer.Write()
    return times


def row(name: str, median: float, p95: float, figures: dict | None) -> str:
    if figures is None:
        return f"| {name} | {median:.1f} / {p95:.1f} | | | | | |"
    flip = figures["flip"]
    return (f"| {name} | {median:.1f} / {p95:.1f} | {flip['model']:.3f} | {flip['frame']:.3f} | "
            f"{figures['psnr']:.1f} | {figures['ssim']:.3f} | {figures['crawl']:.1f} |")


def measure(program: str, path: str, count: str, work: pathlib.Path) -> None:
    report = work / "remora.json"
    subprocess.run([program, path, "--course", "orbit", "--poses", count, "--json", report], check=True,
                   stdout=subprocess.PIPE)
    ours = json.loads(report.read_text())[0]
    print(f"{path}, orbit of {count} poses, {WIDTH}x{HEIGHT}, VTK {vtk.vtkVersion.GetVTKVersion()}:\n")
    print("| renderer | ms / p95 | FLIP of the model | of the frame | PSNR, dB | SSIM | crawl |")
    print("|---|---|---|---|---|---|---|")
    wall = ours["wall_milliseconds"]
    print(row(f"Remora in motion, {ours['rendered'][0]}×{ours['rendered'][1]}", wall["median"], wall["p95"],
              ours["figures"]))
    for name, samples, fxaa in MODES:
        folder = work / name.replace(" ", "-")
        times = sorted(render(path, ours["cameras"], samples, fxaa, folder))
        figures = None
        if name != MODES[0][0]:
            reference = work / MODES[0][0].replace(" ", "-")
            compared = subprocess.run([program, "--frames", folder, reference], check=True, stdout=subprocess.PIPE)
            figures = json.loads(compared.stdout)
        p95 = times[round((len(times) - 1) * 0.95)]
        print(row(f"VTK, {name}", statistics.median(times), p95, figures), flush=True)
    print()


if __name__ == "__main__":
    for model in sys.argv[4:]:
        measure(sys.argv[1], model, sys.argv[2], pathlib.Path(sys.argv[3]))
