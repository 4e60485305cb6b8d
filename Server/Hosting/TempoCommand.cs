using System.CommandLine;
using System.Runtime.InteropServices;
using OrleansTempo.Server.Configuration;

namespace OrleansTempo.Server.Hosting;

/// <summary>The command line of a host: the configuration file, Tempo's flags as far as they apply here, and signals for a clean shutdown.</summary>
public static class TempoCommand
{
    /// <summary>Parses the command line, and runs the host until it is told to stop.</summary>
    /// <param name="description">The description of the program in its help.</param>
    /// <param name="arguments">The command line.</param>
    /// <param name="run">The host: runs until the token is cancelled, and returns the exit code.</param>
    /// <param name="problemOf">Returns what is wrong with the host's configuration outside the file, for <c>-config.verify</c>; null for nothing.</param>
    /// <returns>The exit code of the process: 1 if the command line or the configuration is not valid.</returns>
    public static async Task<int> InvokeAsync(
        string description, string[] arguments, Func<TempoCommandLine, CancellationToken, Task<int>> run, Func<TempoCommandLine, string?>? problemOf = null)
    {
        var configFile = new Option<string?>("--config.file", "-config.file")
        {
            Description = "The configuration, a tempo.yaml; without one: one tenant, span metrics and service graphs on, no remote write",
        };
        var demo = new Option<bool>("--demo")
        {
            Description = "Send the traffic of a small demo shop to this process, to see numbers at once",
        };
        var verify = new Option<bool>("--config.verify", "-config.verify")
        {
            Description = "Check the configuration, including per-tenant overrides, print what is wrong with it, and exit",
        };

        var skipForeignReceivers = new Option<bool>("--config.skip-foreign-receivers", "-config.skip-foreign-receivers")
        {
            Description = "Ignore receivers that this program does not have (jaeger, zipkin, opencensus, kafka), with a warning for each, instead of failing",
        };

        // Flags of Tempo that a command line may contain: those that ask for what is the case here anyway are accepted.
        var target = new Option<string>("--target", "-target") { Description = "As in Tempo; only 'all' is supported: one process runs every component", DefaultValueFactory = _ => "all" };
        target.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && token.Value != "all")
                result.AddError($"-target: '{token.Value}' is not supported; the only allowed value is 'all': one process runs every component");
        });
        var expandEnvironment = new Option<bool>("--config.expand-env", "-config.expand-env")
        {
            Description = "As in Tempo; ${VAR} in the configuration is always expanded",
        };
        var enableLegacyOverrides = new Option<bool>("--config.enable-legacy-overrides", "-config.enable-legacy-overrides")
        {
            Description = "As in Tempo; the legacy (flat) format of overrides is always accepted",
        };
        var memoryBallast = new Option<long>("--mem-ballast-size-mbs", "-mem-ballast-size-mbs") { Description = "As in Tempo before 3.0; has no effect" };
        var command = new RootCommand(description) { configFile, demo, verify, skipForeignReceivers, target, expandEnvironment, enableLegacyOverrides, memoryBallast };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var line = new TempoCommandLine { Demo = parsed.GetValue(demo), Environment = TempoConfiguration.ProcessEnvironment() };
            if (parsed.GetValue(configFile) is { } path)
            {
                var result = TempoConfiguration.Load(path, line.Environment, parsed.GetValue(skipForeignReceivers), withTenants: parsed.GetValue(verify));
                foreach (var error in result.Errors)
                    Console.Error.WriteLine($"error: {error}");
                if (!result.Succeeded)
                    return 1;
                line = line with { Options = result.Value, Warnings = result.Warnings };
            }

            if (parsed.GetValue(verify))
            {
                foreach (var warning in line.Warnings)
                    Console.Error.WriteLine($"warning: {warning}");
                if (problemOf?.Invoke(line) is { } problem)
                {
                    Console.Error.WriteLine($"error: {problem}");
                    return 1;
                }

                Console.WriteLine("the configuration is valid");
                return 0;
            }

            // The first signal shuts the process down cleanly; a second one is left to the system.
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
            using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);

            return await run(line, stop.Token);

            void Stop(PosixSignalContext signal)
            {
                if (stop.IsCancellationRequested)
                    return;
                signal.Cancel = true;
                stop.Cancel();
            }
        });

        // The host handles signals itself, because draining needs time.
        return await command.Parse(arguments).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }
}
