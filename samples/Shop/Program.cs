using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using OrleansTempo.Client;
using OrleansTempo.Shop;

// A small shop that sells a few things, sends its spans to the cluster, and then queries one of the traces.
// It needs a silo: `dotnet run --project Silo`, then `dotnet run --project samples/Shop`.
var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.UseOrleansClient();
builder.Services.AddOrleansTempoClient();
builder.Services.AddOpenTelemetry()
    .ConfigureResource(resource => resource.AddService("shop"))
    .WithTracing(tracing => tracing.AddSource(Checkout.SourceName).AddOrleansTempoExporter());
using var host = builder.Build();
await host.StartAsync();

var trace = default(ActivityTraceId);
for (var order = 1; order <= builder.Configuration.GetValue("Orders", 10); order++)
    trace = await Checkout.SellAsync(order);
host.Services.GetRequiredService<TracerProvider>().ForceFlush();

var found = await host.Services.GetRequiredService<ITempoClient>().GetTraceAsync(trace);
Console.WriteLine($"The trace of the last order is {trace}:");
Console.WriteLine(found?.ToJson() ?? "It is not known.");
foreach (var problem in found?.Problems ?? [])
    Console.WriteLine(problem);
await host.StopAsync();
