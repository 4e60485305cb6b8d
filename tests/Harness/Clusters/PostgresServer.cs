using Npgsql;

namespace OrleansTempo.Harness.Clusters;

/// <summary>
/// A PostgreSQL of its own for one test or class of tests: a fresh data folder, a port on loopback or another address of this machine, our script for Orleans applied.
/// It keeps nothing safe (no fsync) and is gone when it is disposed.
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private const string DebianFolder = "/usr/lib/postgresql";

    // PostgreSQL does not run as root; its packages make this user.
    private const string SystemUser = "postgres";

    private const string DatabaseUser = "orleans";

    private static readonly string? s_binaries = FindBinaries();

    private readonly TemporaryFolder _folder = new();
    private readonly string _data;
    private readonly string _host;
    private readonly int _port = FreePorts.Next();
    private ChildProcess? _process;

    private PostgresServer(string host)
    {
        _host = host;
        _data = Path.Combine(_folder.Path, "data");
    }

    /// <summary>Why it cannot run here; null where it can.</summary>
    public static string? Missing { get; } = WhyMissing();

    /// <summary>For Npgsql.</summary>
    public string ConnectionString => $"Host={_host};Port={_port};Username={DatabaseUser};Database=postgres";

    /// <param name="host">The address that it listens on.</param>
    public static async Task<PostgresServer> StartAsync(string host = "127.0.0.1")
    {
        var server = new PostgresServer(host);
        try
        {
            await server.StartProcessAsync();
            await server.ApplyScriptAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs <c>deploy/postgresql/orleans.sql</c>.</summary>
    public async Task ApplyScriptAsync()
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString);
        await using var command = source.CreateCommand(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "orleans.sql")));
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { } process)
        {
            // Killing it would leave its shared memory behind. Where it has ended already, so has what would be stopped.
            if (!process.HasExited)
                await RunAsync(Binary("pg_ctl"), "stop", "-D", _data, "-m", "immediate");
            await process.DisposeAsync();
        }

        _folder.Dispose();
    }

    private static string? FindBinaries()
    {
        if (Tool.Find("initdb") is { } found)
            return Path.GetDirectoryName(File.ResolveLinkTarget(found, returnFinalTarget: true)?.FullName ?? found);
        if (!Directory.Exists(DebianFolder))
            return null;
        return Directory.EnumerateDirectories(DebianFolder)
            .OrderByDescending(version => int.TryParse(Path.GetFileName(version), out var number) ? number : 0)
            .Select(version => Path.Combine(version, "bin"))
            .FirstOrDefault(binaries => File.Exists(Path.Combine(binaries, "initdb")));
    }

    private static string? WhyMissing()
    {
        if (s_binaries is null)
            return $"PostgreSQL's initdb is neither on the PATH nor in {DebianFolder}";
        if (!Environment.IsPrivilegedProcess)
            return null;
        if (Tool.Find("setpriv") is null)
            return "PostgreSQL does not run as root, and setpriv is not on the PATH";
        return File.ReadLines("/etc/passwd").Any(line => line.StartsWith(SystemUser + ":", StringComparison.Ordinal))
            ? null
            : $"PostgreSQL does not run as root, and there is no user {SystemUser}";
    }

    private static string Binary(string name) => Path.Combine(s_binaries ?? throw new InvalidOperationException(Missing), name);

    private async Task StartProcessAsync()
    {
        if (Environment.IsPrivilegedProcess)
        {
            await using var chown = ChildProcess.Start("chown", [SystemUser, _folder.Path], _folder.Path);
            await SucceededAsync(chown, "chown");
        }

        await RunAsync(Binary("initdb"), "-D", _data, "-U", DatabaseUser, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync");
        await File.AppendAllTextAsync(Path.Combine(_data, "pg_hba.conf"), "host all all all trust\n");
        var process = _process = Start(
            Binary("postgres"),
            "-D", _data,
            "-p", $"{_port}",
            "-c", $"listen_addresses={_host}",
            "-c", "unix_socket_directories=",
            "-c", "fsync=off",
            "-c", "full_page_writes=off",
            "-c", "synchronous_commit=off",
            "-c", "shared_buffers=16MB");
        await using var source = NpgsqlDataSource.Create(ConnectionString);
        await Eventually.GetAsync(
            async () =>
            {
                if (process.HasExited)
                    throw new InvalidOperationException($"postgres exited with {process.ExitCode}:\n{process.Output}");
                try
                {
                    await using var connection = await source.OpenConnectionAsync();
                    return true;
                }
                catch (NpgsqlException)
                {
                    return false;
                }
            },
            answering => answering,
            _ => $"postgres does not answer:\n{process.Output}");
    }

    private async Task RunAsync(string program, params string[] arguments)
    {
        await using var process = Start(program, arguments);
        await SucceededAsync(process, program);
    }

    private static async Task SucceededAsync(ChildProcess process, string program)
    {
        if (await process.WaitForExitAsync() != 0)
            throw new InvalidOperationException($"{program} exited with {process.ExitCode}:\n{process.Output}");
    }

    private ChildProcess Start(string program, params string[] arguments) =>
        Environment.IsPrivilegedProcess
            ? ChildProcess.Start("setpriv", [$"--reuid={SystemUser}", $"--regid={SystemUser}", "--init-groups", program, .. arguments], _folder.Path)
            : ChildProcess.Start(program, arguments, _folder.Path);
}
