using System.CommandLine;
using System.Runtime.InteropServices;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Standalone;

var configFile = new Option<string?>("--config.file", "-config.file")
{
    Description = "tempo.yaml; without it: one tenant, span metrics and service graphs on, nothing written remotely",
};
var demo = new Option<bool>("--demo")
{
    Description = "Send yourself the traffic of a small shop, so that there are numbers to see at once",
};
var verify = new Option<bool>("--config.verify", "-config.verify")
{
    Description = "Read the configuration, say what is wrong with it, and exit",
};

// What a command line made for Tempo also holds: one that asks for what is so anyway goes on working.
var target = new Option<string>("--target", "-target") { Description = "As in Tempo; one process is everything: all", DefaultValueFactory = _ => "all" };
target.Validators.Add(result =>
{
    if (result.Tokens is [var token] && token.Value != "all")
        result.AddError($"-target: '{token.Value}' is not supported; allowed is all: one process runs every component");
});
var expandEnvironment = new Option<bool>("--config.expand-env", "-config.expand-env")
{
    Description = "As in Tempo; ${VAR} in the configuration is always expanded",
};
var command = new RootCommand("OrleansTempo in one process: OTLP in, RED metrics and service graphs out to Prometheus")
{
    configFile, demo, verify, target, expandEnvironment,
};
command.SetAction(async (arguments, cancellationToken) =>
{
    var options = TempoOptions.WithoutFile;
    IReadOnlyList<ConfigurationProblem> warnings = [];
    var environment = TempoConfiguration.ProcessEnvironment();
    if (arguments.GetValue(configFile) is { } path)
    {
        var result = TempoConfiguration.Load(path, environment);
        foreach (var error in result.Errors)
            Console.Error.WriteLine($"error: {error}");
        if (!result.Succeeded)
            return 1;
        options = result.Value;
        warnings = result.Warnings;
    }

    if (arguments.GetValue(verify))
    {
        foreach (var warning in warnings)
            Console.Error.WriteLine($"warning: {warning}");
        Console.WriteLine("the configuration is valid");
        return 0;
    }

    // Signals end the process in order; a second one is left to the system.
    using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);

    return await StandaloneHost.RunAsync(options, warnings, environment, arguments.GetValue(demo), stop.Token);

    void Stop(PosixSignalContext signal)
    {
        if (stop.IsCancellationRequested)
            return;
        signal.Cancel = true;
        stop.Cancel();
    }
});

// The host handles signals itself: it must be given the time that draining takes.
return await command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
