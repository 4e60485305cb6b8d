using System.Globalization;
using System.Net;

namespace OrleansTempo.Harness;

/// <summary>
/// Another machine, as far as a network goes: a network namespace joined with this one by a cable of its own, from which curl calls. Only
/// root on Linux may make one.
/// </summary>
internal sealed class OtherMachine : IAsyncDisposable
{
    private const string Mask = "/30";

    private static readonly Lazy<string?> s_missing = new(TryConnect);

    private readonly string _name = $"tempo{Environment.ProcessId}";

    private OtherMachine()
    {
    }

    /// <summary>Why there can be none here; null where there can.</summary>
    public static string? Missing => s_missing.Value;

    /// <summary>Where it reaches this machine. Of the addresses for benchmarks, RFC 2544, which no network uses.</summary>
    public IPAddress ThisMachine { get; } = IPAddress.Parse("198.18.73.1");

    private static IPAddress Own => IPAddress.Parse("198.18.73.2");

    public static async Task<OtherMachine> ConnectAsync()
    {
        var other = new OtherMachine();
        await RunAsync("ip", "netns", "add", other._name);
        try
        {
            await RunAsync("ip", "link", "add", other._name, "type", "veth", "peer", "name", "eth0", "netns", other._name);
            await RunAsync("ip", "address", "add", other.ThisMachine + Mask, "dev", other._name);
            await RunAsync("ip", "link", "set", other._name, "up");
            await RunAsync("ip", "-n", other._name, "address", "add", Own + Mask, "dev", "eth0");
            await RunAsync("ip", "-n", other._name, "link", "set", "eth0", "up");
            return other;
        }
        catch
        {
            await other.DisposeAsync();
            throw;
        }
    }

    /// <summary>Calls this machine from there.</summary>
    /// <param name="method">Such as <c>POST</c>.</param>
    /// <param name="port">The port.</param>
    /// <param name="path">The path.</param>
    /// <param name="header">A header to send along; empty for none.</param>
    public async Task<(HttpStatusCode Status, string Body)> CallAsync(string method, int port, string path, string header = "")
    {
        string[] headers = header.Length > 0 ? ["--header", header] : [];
        var output = await RunAsync(
            "ip", ["netns", "exec", _name, "curl", "--silent", "--show-error", "--max-time", "20", "--request", method, .. headers, "--write-out", "\n%{http_code}", $"http://{ThisMachine}:{port}{path}"]);
        var end = output.TrimEnd().LastIndexOf('\n');
        return ((HttpStatusCode)int.Parse(output.AsSpan(end + 1), CultureInfo.InvariantCulture), output[..end]);
    }

    // Its cable goes with it.
    public async ValueTask DisposeAsync() => await RunAsync("ip", "netns", "delete", _name);

    // Tried, because a container's root may be kept from it.
    private static string? TryConnect()
    {
        if (!OperatingSystem.IsLinux() || Tool.Find("ip") is null || Tool.Find("curl") is null)
            return "another machine takes Linux, ip and curl";
        try
        {
            Task.Run(async () =>
            {
                await using var other = await ConnectAsync();
            }).GetAwaiter().GetResult();
            return null;
        }
        catch (InvalidOperationException e)
        {
            return "no network namespace can be made here: " + e.Message;
        }
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        await using var process = ChildProcess.Start(program, arguments, "/");
        return await process.WaitForExitAsync() == 0 ? process.Output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {process.Output.Trim()}");
    }
}
