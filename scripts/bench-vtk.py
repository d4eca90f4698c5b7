"""Measures a frame of VTK's off-screen renderer, which orbits each GLB at 1280x720 like `make bench-render`.

    make bench-vtk MODELS="a.glb b.glb"
"""

import statistics
import sys
import time

import vtk

WIDTH, HEIGHT = 1280, 720
FRAMES, WARM_UP = 20, 3


def measure(path: str) -> None:
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetSize(WIDTH, HEIGHT)
    importer = vtk.vtkGLTFImporter()
    importer.SetFileName(path)
    importer.SetRenderWindow(window)
    begin = time.perf_counter()
    importer.Update()
    loaded = time.perf_counter() - begin
    renderer = window.GetRenderers().GetFirstRenderer()
    renderer.ResetCamera()
    camera = renderer.GetActiveCamera()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.SetInputBufferTypeToRGB()
    times = []
    for frame in range(FRAMES + WARM_UP):
        camera.Azimuth(2.9)
        renderer.ResetCameraClippingRange()
        begin = time.perf_counter()
        window.Render()
        grab.Modified()
        grab.Update()
        if frame >= WARM_UP:
            times.append((time.perf_counter() - begin) * 1000)
    times.sort()
    p95 = times[int(len(times) * 0.95) - 1]
    print(f"VTK {vtk.vtkVersion.GetVTKVersion()}, {path}: loaded in {loaded:.2f} s, {WIDTH}x{HEIGHT}: "
          f"{statistics.median(times):.1f} ms median, {p95:.1f} ms p95")


for model in sys.argv[1:]:
    measure(model)
