using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace OrleansTempo.Harness;

/// <summary>
/// A started program, what it printed so far, and the ways to end it. No wait here is endless: one that runs out fails with what
/// the program printed.
/// </summary>
internal sealed partial class ChildProcess : IAsyncDisposable
{
    private const int SigTerm = 15, SigCont = 18, SigStop = 19;

    // For a program that ends by itself or is asked to.
    private static readonly TimeSpan ExitLimit = TimeSpan.FromSeconds(60);

    // For the system to take a killed process away; long, because it may be writing a large part of its memory to a busy disk.
    private static readonly TimeSpan KillLimit = TimeSpan.FromSeconds(30);

    // For the last lines of a process that has ended. A child of its own that outlives it keeps the pipes open, so their end may never come.
    private static readonly TimeSpan OutputLimit = TimeSpan.FromSeconds(5);

    private readonly Process _process;
    private readonly string _name;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _outputEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _openStreams = 2;

    private ChildProcess(ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _name = string.Join(' ', [start.FileName, .. start.ArgumentList.Take(3)]);
        _process.Exited += (_, _) => _exited.TrySetResult();
        _process.OutputDataReceived += (_, line) => Append(line.Data);
        _process.ErrorDataReceived += (_, line) => Append(line.Data);
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>Standard output and error, in the order they came.</summary>
    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    public static ChildProcess Start(string program, IEnumerable<string> arguments, string workingDirectory, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program)
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;

        var child = new ChildProcess(start);
        child._process.Start();
        child._process.BeginOutputReadLine();
        child._process.BeginErrorReadLine();
        return child;
    }

    /// <summary>Asks the process to stop in order (SIGTERM) and returns its exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        if (!_process.HasExited)
            Send(SigTerm);
        return await WaitForExitAsync();
    }

    /// <summary>Ends the process on the spot (SIGKILL): it does nothing more, not even what it was in the midst of.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await WaitForExitAsync(KillLimit);
    }

    /// <summary>Lets the process stand still (SIGSTOP on Linux).</summary>
    public void Pause() => Send(SigStop);

    /// <summary>Lets a process that stands still go on (SIGCONT on Linux).</summary>
    public void Continue() => Send(SigCont);

    public Task<int> WaitForExitAsync() => WaitForExitAsync(ExitLimit);

    /// <summary>Returns the exit code; fails with what was printed where the process is still running after <paramref name="limit"/>.</summary>
    public async Task<int> WaitForExitAsync(TimeSpan limit)
    {
        try
        {
            await _exited.Task.WaitAsync(limit);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"{_name} is still running after {limit.TotalSeconds} s; it printed:\n{Output}");
        }

        await Task.WhenAny(_outputEnded.Task, Task.Delay(OutputLimit));
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await WaitForExitAsync(KillLimit);
        }

        _process.Dispose();
    }

    private void Send(int signal)
    {
        if (Kill(_process.Id, signal) != 0)
            throw new InvalidOperationException($"kill({_process.Id}, {signal}) failed with errno {Marshal.GetLastPInvokeError()}");
    }

    // Each of the two streams ends with a null.
    private void Append(string? line)
    {
        if (line is null)
        {
            if (Interlocked.Decrement(ref _openStreams) == 0)
                _outputEnded.TrySetResult();
            return;
        }

        lock (_output)
            _output.AppendLine(line);
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);
}
