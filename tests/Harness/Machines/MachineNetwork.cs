using System.Globalization;
using System.Net;

namespace OrleansTempo.Harness.Machines;

/// <summary>
/// A network of machines whose cables can be cut and slowed down. Each machine is a network namespace; one more is the router between them,
/// which this machine is connected to as well. Only root on Linux may make one.
/// <code>
///    machine 1 ──┐            ┌── this machine, the tests
///    machine 2 ──┤── router ──┤
///    machine 3 ──┘            └── the same under a second address: storage
/// </code>
/// A cut is a rule of the router, which then drops what comes from one address and goes to another: without a word, as a broken cable does.
/// </summary>
internal sealed class MachineNetwork : IAsyncDisposable
{
    // Networks of a process are told apart by a number, those of several processes by its ID. A device's name has at most 15 characters.
    private static int s_networks;

    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"tp{Environment.ProcessId}{(char)('a' + Interlocked.Increment(ref s_networks) % 26)}");
    private readonly List<string> _namespaces = [];
    private readonly HashSet<(IPAddress From, IPAddress To)> _cuts = [];
    private readonly List<OtherMachine> _machines = [];
    private byte _number;

    private MachineNetwork()
    {
    }

    /// <summary>Where the machines reach this one, and the address that it calls them from.</summary>
    public IPAddress ThisMachine => Address(1);

    /// <summary>Another address of this machine, so that machines can be cut from what listens here and reached from there all the same.</summary>
    public IPAddress Storage => Address(5);

    public IReadOnlyList<OtherMachine> Machines => _machines;

    private string Router => _name + "r";

    public static async Task<MachineNetwork> StartAsync()
    {
        var network = new MachineNetwork();
        try
        {
            await network.ConnectThisMachineAsync();
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>A new machine.</summary>
    public async Task<OtherMachine> AddAsync()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{_name}{_machines.Count}");
        var (gateway, address) = (Address(17 + 4 * _machines.Count), Address(18 + 4 * _machines.Count));
        await AddNamespaceAsync(name);
        await RunAsync("ip", "-n", Router, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name);
        await RunAsync("ip", "-n", Router, "address", "add", $"{gateway}/30", "dev", name);
        await RunAsync("ip", "-n", Router, "link", "set", name, "up");
        await RunAsync("ip", "-n", name, "address", "add", $"{address}/30", "dev", "eth0");
        await RunAsync("ip", "-n", name, "link", "set", "eth0", "up");
        await RunAsync("ip", "-n", name, "link", "set", "lo", "up");
        await RunAsync("ip", "-n", name, "route", "add", "default", "via", $"{gateway}");
        var machine = new OtherMachine(name, address, ThisMachine);
        _machines.Add(machine);
        return machine;
    }

    /// <summary>From now on nothing that one sends reaches the other; what the other sends does.</summary>
    public async Task CutAsync(IPAddress from, IPAddress to)
    {
        if (_cuts.Add((from, to)))
            await RunAsync("ip", ["-n", Router, "rule", "add", .. Rule(from, to)]);
    }

    /// <summary>Mends whatever was cut.</summary>
    public async Task HealAsync()
    {
        foreach (var (from, to) in _cuts)
            await RunAsync("ip", ["-n", Router, "rule", "delete", .. Rule(from, to)]);
        _cuts.Clear();
    }

    /// <summary>
    /// Makes a machine's cable slow in both directions: 100 ms each way and now and then a lost packet, or, where the kernel cannot delay packets (netem), 1 Mbit/s
    /// with a queue of half a second.
    /// </summary>
    public async Task SlowAsync(OtherMachine machine)
    {
        foreach (var device in (string[][])[["-n", Router, "qdisc", "add", "dev", machine.Name, "root"], ["-n", machine.Name, "qdisc", "add", "dev", "eth0", "root"]])
        {
            await using var delay = ChildProcess.Start("tc", [.. device, "netem", "delay", "100ms", "20ms", "loss", "1%"], "/");
            if (await delay.WaitForExitAsync() != 0)
                await RunAsync("tc", [.. device, "tbf", "rate", "1mbit", "burst", "16kb", "latency", "500ms"]);
        }
    }

    /// <summary>Makes it as fast as before.</summary>
    public async Task SpeedUpAsync(OtherMachine machine)
    {
        await RunAsync("tc", "-n", Router, "qdisc", "delete", "dev", machine.Name, "root");
        await RunAsync("tc", "-n", machine.Name, "qdisc", "delete", "dev", "eth0", "root");
    }

    // The cables go with their namespaces, once the last process in there has ended.
    public async ValueTask DisposeAsync()
    {
        foreach (var name in _namespaces)
            await RunAsync("ip", "netns", "delete", name);
        _namespaces.Clear();
    }

    private static string[] Rule(IPAddress from, IPAddress to) => ["from", $"{from}", "to", $"{to}", "blackhole"];

    private async Task ConnectThisMachineAsync()
    {
        await AddNamespaceAsync(Router);
        await RunAsync("ip", "link", "add", _name, "type", "veth", "peer", "name", "uplink", "netns", Router);
        await RunAsync("ip", "link", "set", _name, "up");
        await RunAsync("ip", "-n", Router, "link", "set", "uplink", "up");

        // Of the addresses for benchmarks, RFC 2544, which no network uses; a part of them that no other test run has.
        for (var attempt = 0; ; attempt++)
        {
            _number = (byte)Random.Shared.Next(256);
            await using var route = ChildProcess.Start("ip", ["route", "add", $"{Address(0)}/24", "dev", _name], "/");
            if (await route.WaitForExitAsync() == 0)
                break;
            if (attempt == 20)
                throw new InvalidOperationException($"ip route add: {route.Output.Trim()}");
        }

        await RunAsync("ip", "address", "add", $"{ThisMachine}/30", "dev", _name);
        await RunAsync("ip", "address", "add", $"{Storage}/32", "dev", _name);
        await RunAsync("ip", "-n", Router, "address", "add", $"{Address(2)}/30", "dev", "uplink");
        await RunAsync("ip", "-n", Router, "route", "add", $"{Storage}/32", "dev", "uplink");
        await RunAsync("ip", "route", "replace", $"{Address(0)}/24", "via", $"{Address(2)}");
        await RunAsync("ip", "netns", "exec", Router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    }

    private async Task AddNamespaceAsync(string name)
    {
        await RunAsync("ip", "netns", "add", name);
        _namespaces.Add(name);
    }

    private IPAddress Address(int last) => new([198, 18, _number, (byte)last]);

    private static async Task RunAsync(string program, params string[] arguments)
    {
        await using var process = ChildProcess.Start(program, arguments, "/");
        if (await process.WaitForExitAsync() != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {process.Output.Trim()}");
    }
}
