import asyncio, sys, time, collections, tempfile, traceback
from pathlib import Path
from tests.commands.simulation.run import Shape, simulate, Violation
from tests.commands.simulation.promises import check
from tests.commands.simulation.write_path import WritePath
a,b=int(sys.argv[1]),int(sys.argv[2])
t=time.time(); n=collections.Counter()
async def one(seed):
    run=await simulate(Shape.of(seed),WritePath(),Path("/tmp"))
    past=await check(run)
    n['calls']+=len(run.calls); n['facts']+=sum(map(len,past.facts.values())); n['void']+=len(past.void); n['broken']+=len(past.broken);n['crash']+=run.crashes
    from ordertrail.v1.error_reason_pb2 import ErrorReason
    for c in run.calls:
        x=c.answer
        n[type(x).__name__ if not hasattr(x,'reason') else ErrorReason.Name(x.reason)]+=1
        if hasattr(x,'replayed'): n['replayed %s'%x.replayed]+=1
    await run.close()
bad=0
for seed in range(a,b):
    try: asyncio.run(one(seed))
    except Violation as e:
        bad+=1
        if bad<4: print(seed, Shape.of(seed), str(e)[:600], repr(e.__cause__)); 
print(bad, time.time()-t, dict(n))
