using System.Globalization;
using System.Net;

namespace OrleansTempo.Harness.Machines;

/// <summary>
/// Another machine, as far as a network goes: a network namespace on a <see cref="MachineNetwork"/>, in which processes are started and from
/// which curl calls.
/// </summary>
internal sealed class OtherMachine(string name, IPAddress address, IPAddress thisMachine)
{
    private static readonly Lazy<string?> s_missing = new(TryConnect);

    /// <summary>Why there can be none here; null where there can.</summary>
    public static string? Missing => s_missing.Value;

    /// <summary>The name of the namespace.</summary>
    public string Name => name;

    /// <summary>Where it is reached.</summary>
    public IPAddress Address => address;

    /// <summary>Where it reaches this machine.</summary>
    public IPAddress ThisMachine => thisMachine;

    /// <summary>Starts a program there; its process ID is the program's own.</summary>
    public ChildProcess Start(string program, IEnumerable<string> arguments, string workingDirectory, IReadOnlyDictionary<string, string>? environment = null) =>
        ChildProcess.Start("ip", ["netns", "exec", name, program, .. arguments], workingDirectory, environment);

    /// <summary>Calls this machine from there.</summary>
    /// <param name="method">Such as <c>POST</c>.</param>
    /// <param name="port">The port.</param>
    /// <param name="path">The path.</param>
    /// <param name="header">A header to send along; empty for none.</param>
    public async Task<(HttpStatusCode Status, string Body)> CallAsync(string method, int port, string path, string header = "")
    {
        string[] headers = header.Length > 0 ? ["--header", header] : [];
        await using var curl = Start(
            "curl", ["--silent", "--show-error", "--max-time", "20", "--request", method, .. headers, "--write-out", "\n%{http_code}", $"http://{thisMachine}:{port}{path}"], "/");
        if (await curl.WaitForExitAsync() != 0)
            throw new InvalidOperationException($"curl {path}: {curl.Output.Trim()}");
        var output = curl.Output;
        var end = output.TrimEnd().LastIndexOf('\n');
        return ((HttpStatusCode)int.Parse(output.AsSpan(end + 1), CultureInfo.InvariantCulture), output[..end]);
    }

    // Tried, because a container's root may be kept from it.
    private static string? TryConnect()
    {
        if (!OperatingSystem.IsLinux() || Tool.Find("ip") is null || Tool.Find("tc") is null || Tool.Find("curl") is null)
            return "another machine takes Linux, ip, tc and curl";
        try
        {
            Task.Run(static async () =>
            {
                await using var network = await MachineNetwork.StartAsync();
                var machine = await network.AddAsync();
                await network.CutAsync(machine.Address, network.Storage);
                await network.SlowAsync(machine);
            }).GetAwaiter().GetResult();
            return null;
        }
        catch (InvalidOperationException e)
        {
            return "no network namespace can be made here: " + e.Message;
        }
    }
}
